"""Names that Keras exports its classes by, where they are not those in its code.

A `.keras` file has the exported name, a whole-model `.h5` the one in the code. Of the layers of Keras 3 it is one.
"""

from __future__ import annotations

_EXPORTED = {"GroupedQueryAttention": "GroupQueryAttention"}
_IN_CODE = {exported: in_code for in_code, exported in _EXPORTED.items()}


def exported_name(class_name: str) -> str:
    """The name that a class of Keras is exported by.

    Example:
        >>> exported_name("GroupedQueryAttention"), exported_name("Dense")
        ('GroupQueryAttention', 'Dense')
    """
    return _EXPORTED.get(class_name, class_name)


def name_in_code(class_name: str) -> str:
    """The name that an exported class of Keras has in its code, which groups in files are named after."""
    return _IN_CODE.get(class_name, class_name)
