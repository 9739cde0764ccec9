"""Data by what the user calls it: `.npz` files, folders of images, functions, live arrays."""

from keras_weld.data.arrays import ArraySplit, array_split
from keras_weld.data.images import ImageSplit
from keras_weld.data.npz import NpzArrays
from keras_weld.data.open import open_data
from keras_weld.data.split import Dataset, Split

__all__ = ["ArraySplit", "Dataset", "ImageSplit", "NpzArrays", "Split", "array_split", "open_data"]
