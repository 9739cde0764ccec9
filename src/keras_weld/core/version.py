"""The version of keras-weld, in one place."""

__version__ = "0.1.0"
