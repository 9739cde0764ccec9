"""How Keras turns a class name into the name of a group in a file."""

from __future__ import annotations

import re

from keras_weld.core.exported_names import name_in_code


def snake_case(class_name: str) -> str:
    """`conv2d_transpose` for `Conv2DTranspose`, by the same three steps as Keras 3.

    The steps look odd for some names (`PReLU` gives `p_re_lu`, `ConvLSTM2D` gives `conv_lstm2d`); files are
    full of the outcome, so it may not be improved.
    """
    name = re.sub(r"\W+", "", class_name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def group_name(class_name: str) -> str:
    """The group for layers of this class: the snake case of its name in Keras's code."""
    return snake_case(name_in_code(class_name))
