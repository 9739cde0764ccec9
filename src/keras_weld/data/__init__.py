"""Data by what the user calls it: files, folders of images, functions, arrays, live data sets and loaders."""

from keras_weld.data.arrays import ArraySplit, array_split
from keras_weld.data.batch import Batch
from keras_weld.data.chosen import chosen, sampled
from keras_weld.data.divide import divide
from keras_weld.data.images import ImageSplit
from keras_weld.data.npz import NpzArrays
from keras_weld.data.open import open_data
from keras_weld.data.order import order_of
from keras_weld.data.prepare import Preparation
from keras_weld.data.prepared import PreparedSplit, prepared
from keras_weld.data.rows import RowSplit
from keras_weld.data.split import Dataset, Split
from keras_weld.data.streams import StreamSplit, stream_split

__all__ = [
    "ArraySplit",
    "Batch",
    "Dataset",
    "ImageSplit",
    "NpzArrays",
    "Preparation",
    "PreparedSplit",
    "RowSplit",
    "Split",
    "StreamSplit",
    "array_split",
    "chosen",
    "divide",
    "open_data",
    "order_of",
    "prepared",
    "sampled",
    "stream_split",
]
