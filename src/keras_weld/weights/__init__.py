"""Weight-space methods: pure functions of arrays, one a file, with declared traits."""

from keras_weld.weights.linear import linear
from keras_weld.weights.method import METHODS, Method
from keras_weld.weights.rounding import round_once

__all__ = ["METHODS", "Method", "linear", "round_once"]
