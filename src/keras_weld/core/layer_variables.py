"""Which variables Keras's own layers have: names and roles in the order in which Keras 3 stores them.

Files store a layer's variables by number (`layers/conv2d/vars/0`). This table says what number 0 is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from keras_weld.core.layer_parts import sub_layers_of
from keras_weld.core.quantized_variables import dense_variables, embedding_variables
from keras_weld.core.snake_case import group_name
from keras_weld.core.tensor import Role

__all__ = ["class_of_group", "sub_layers_of", "variables_of"]

Config = Mapping[str, Any]
_Named = list[tuple[str, bool]]  # name, trainable

_WITHOUT = """
Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AlphaDropout AugMix AutoContrast Average
AveragePooling1D AveragePooling2D AveragePooling3D Bidirectional CategoryEncoding CenterCrop Concatenate
ContrastLimitedAdaptiveHistogramEqualization ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D
Cropping3D CutMix Discretization Dot Dropout ELU Equalization Flatten Functional GRU GaussianDropout
GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
GlobalMaxPooling2D GlobalMaxPooling3D GroupQueryAttention HashedCrossing Hashing Identity InputLayer LSTM
Lambda Layer LeakyReLU Masking MaxNumBoundingBoxes MaxPooling1D MaxPooling2D MaxPooling3D Maximum
MelSpectrogram Merge Minimum MixUp Model MultiHeadAttention Multiply Permute Pipeline RNN RandAugment
RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform
RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective
RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom
ReLU RepeatVector Rescaling Reshape Resizing Sequential SimpleRNN SlicingOpLambda Softmax Solarization
SpatialDropout1D SpatialDropout2D SpatialDropout3D StackedRNNCells Subtract TFOpLambda ThresholdedReLU
TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D Wrapper ZeroPadding1D ZeroPadding2D
ZeroPadding3D
""".split()  # noqa: SIM905 - so many names read better as text
_KERNEL_AND_BIAS = """
Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose DepthwiseConv1D DepthwiseConv2D
Convolution1D Convolution2D Convolution3D Deconvolution2D AtrousConvolution2D LocallyConnected1D
LocallyConnected2D
""".split()  # noqa: SIM905 - so many names read better as text
_RECURRENT = ["LSTMCell", "GRUCell", "SimpleRNNCell", "ConvLSTMCell", "CuDNNLSTM", "CuDNNGRU"]


def variables_of(class_name: str, config: dict[str, Any]) -> list[tuple[str, Role]] | None:
    """Names and roles of a layer's own variables, in the order `vars/0`, `vars/1` and so on.

    Variables of the layer's parts (an LSTM's cell) are not among them: see `sub_layers_of`.

    Args:
        class_name: the layer's class, `Conv2D`.
        config: the layer's config. An empty one gives what the class has with its default options.

    Returns:
        Pairs of name and role; an empty list for a layer without variables; None for a class that is not one
        of Keras's own.
    """
    find = _TABLE.get(class_name)
    if find is None:
        return None
    frozen = config.get("trainable") is False
    return [
        (name, Role.TRAINABLE if trainable and not frozen else Role.NON_TRAINABLE) for name, trainable in find(config)
    ]


def class_of_group(group: str) -> str | None:
    """The class whose layers are stored in a group of this name: `Conv2D` for `conv2d`, or None."""
    return _GROUPS.get(group)


def _on(config: Config, option: str) -> bool:
    return config.get(option, True) is not False


def _trainable(*names: str) -> _Named:
    return [(name, True) for name in names]


def _none(config: Config) -> _Named:
    return []


def _kernel_and_bias(config: Config) -> _Named:
    has_bias = _on(config, "use_bias") and _on(config, "bias")  # Keras 1 said `bias`
    return _trainable("kernel", *(("bias",) if has_bias else ()))


def _separable(config: Config) -> _Named:
    return _trainable("depthwise_kernel", "pointwise_kernel", *(("bias",) if _on(config, "use_bias") else ()))


def _recurrent(config: Config) -> _Named:
    return _trainable("kernel", "recurrent_kernel", *(("bias",) if _on(config, "use_bias") else ()))


def _dense(config: Config) -> _Named:
    has_bias = _on(config, "use_bias") and _on(config, "bias")
    return dense_variables(config, has_bias=has_bias, einsum=False)


def _einsum_dense(config: Config) -> _Named:
    return dense_variables(config, has_bias=config.get("bias_axes") is not None, einsum=True)


def _embedding(config: Config) -> _Named:
    return embedding_variables(config, untied=False)


def _reversible_embedding(config: Config) -> _Named:
    return embedding_variables(config, untied=config.get("tie_weights") is False)


def _scale_and_center(config: Config) -> _Named:
    names = ("gamma",) if _on(config, "scale") else ()
    return _trainable(*names, *(("beta",) if _on(config, "center") else ()))


def _layer_normalization(config: Config) -> _Named:
    # rms_scaling was taken out of Keras again, but files with it exist.
    return _trainable("gamma") if config.get("rms_scaling") else _scale_and_center(config)


def _batch_normalization(config: Config) -> _Named:
    statistics = ["moving_mean", "moving_variance"]
    if config.get("renorm"):
        statistics += ["moving_stddev", "renorm_mean", "renorm_stddev"]
    return [*_scale_and_center(config), *((name, False) for name in statistics)]


def _normalization(config: Config) -> _Named:
    if config.get("mean") is not None:  # given, not adapted
        return []
    return [("mean", False), ("variance", False), ("count", False)]


def _attention(config: Config) -> _Named:
    names = ("scale",) if config.get("use_scale") else ()
    return _trainable(*names, *(("concat_score_weight",) if config.get("score_mode") == "concat" else ()))


def _additive_attention(config: Config) -> _Named:
    return _trainable("scale") if _on(config, "use_scale") else []


def _lookup(config: Config) -> _Named:
    return [("idf_weights", False)] if config.get("output_mode") == "tf_idf" else []


def _spectral_normalization(config: Config) -> _Named:
    # The kernel is that of the wrapped layer. It is stored with both.
    inner = config.get("layer")
    embedding = isinstance(inner, Mapping) and str(inner.get("class_name")).endswith("Embedding")
    return [("embeddings" if embedding else "kernel", True), ("vector_u", False)]


def _spectrogram(config: Config) -> _Named:
    mode = config.get("mode", "log")
    return _trainable(*(("real_kernel",) if mode != "imag" else ()), *(("imag_kernel",) if mode != "real" else ()))


def _constant(*named: tuple[str, bool]) -> Callable[[Config], _Named]:
    return lambda config: list(named)


_TABLE: dict[str, Callable[[Config], _Named]] = {
    **dict.fromkeys(_WITHOUT, _none),
    **dict.fromkeys(_KERNEL_AND_BIAS, _kernel_and_bias),
    **dict.fromkeys(_RECURRENT, _recurrent),
    "AdditiveAttention": _additive_attention,
    "Attention": _attention,
    "BatchNormalization": _batch_normalization,
    "BatchNormalizationV1": _batch_normalization,
    "BatchNormalizationV2": _batch_normalization,
    "Dense": _dense,
    "EinsumDense": _einsum_dense,
    "Embedding": _embedding,
    "GroupNormalization": _scale_and_center,
    "IntegerLookup": _lookup,
    "LayerNormalization": _layer_normalization,
    "Normalization": _normalization,
    "PReLU": _constant(("alpha", True)),
    "RMSNormalization": _constant(("scale", True)),
    "ReversibleEmbedding": _reversible_embedding,
    "STFTSpectrogram": _spectrogram,
    "SeparableConv1D": _separable,
    "SeparableConv2D": _separable,
    "SeparableConvolution2D": _separable,
    "SpectralNormalization": _spectral_normalization,
    "StringLookup": _lookup,
    "SyncBatchNormalization": _batch_normalization,
    "TextVectorization": _lookup,
}
_GROUPS = {group_name(class_name): class_name for class_name in _TABLE}
