"""Live Keras models: loaded safely, saved whole, their tensors by name. This imports Keras."""

from keras_weld.models.custom import Custom, resolve
from keras_weld.models.load import load
from keras_weld.models.save import save
from keras_weld.models.state import state_of

__all__ = ["Custom", "load", "resolve", "save", "state_of"]
