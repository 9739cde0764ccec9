"""Which classes and functions a saved model may name.

The names that Keras ships are in `allowed_names.py`, generated; here are those that need a person's
judgement: what runs content of the file, what only older versions had, under which modules a name may stand.
"""

from __future__ import annotations

import re

from keras_weld.io.allowed_names import CLASSES, FUNCTIONS, STRINGS

# They run code or graphs that come with the file.
EXECUTABLE = frozenset(
    {"FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper", "__lambda__"},
)

# Plain values in the form of an object; Keras turns them into tensors, slices and the like.
VALUES = frozenset(
    {"__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__"},
)

# Keras 1 and 2 had them and Keras 3 has not: their weights can be read, the model cannot be built.
OLDER_CLASSES = frozenset(
    {
        "AbstractRNNCell", "AddLoss", "AddMetric", "AtrousConvolution1D", "AtrousConvolution2D",
        "BatchNormalizationV1", "ClassMethod", "CuDNNGRU", "CuDNNLSTM", "Deconvolution2D", "Deconvolution3D",
        "DenseFeatures", "GRUV1", "Graph", "Highway", "InstanceMethod", "InstanceProperty", "KerasLayer",
        "LSTMV1", "LocallyConnected1D", "LocallyConnected2D", "MaxoutDense", "ParametricSoftplus",
        "PeepholeLSTMCell", "Policy", "PolicyV1", "RandomFourierFeatures", "SReLU", "SequenceFeatures",
        "SpatialDropout", "SyncBatchNormalization", "TensorFlowOpLayer", "ThresholdedLinear",
        "TimeDistributedDense", "TFOptimizer", "LossScaleOptimizerV1", "LossScaleOptimizerV3", "WideDeepModel",
        "LinearModel",
    }
)  # fmt: skip

# Keras 2 made them of calls of TensorFlow; Keras 3 has not got them, and they are replaced before anything is built.
REPLACED_CLASSES = frozenset({"SlicingOpLambda", "TFOpLambda"})

# Older names of classes that Keras 3 still has.
_ALIASES: dict[str, frozenset[str]] = {
    "layers": frozenset(
        {
            "BatchNormalizationV2", "Convolution1D", "Convolution2D", "Convolution3D", "GRUV2", "LSTMV2",
            "RandomHeight", "RandomWidth", "SeparableConvolution1D", "SeparableConvolution2D",
        }
    ),
    "initializers": frozenset(
        {
            "ConstantV2", "GlorotNormalV2", "GlorotUniformV2", "HeNormalV2", "HeUniformV2",
            "IdentityInitializer", "IdentityV2", "LecunNormalV2", "LecunUniformV2", "OnesV2",
            "OrthogonalInitializer", "OrthogonalV2", "RandomNormalV2", "RandomUniformV2", "STFTInitializer",
            "TruncatedNormalV2", "VarianceScalingV2", "ZerosV2",
        }
    ),
    "metrics": frozenset({"MeanRelativeError", "MeanTensor", "SumOverBatchSize"}),
}  # fmt: skip
_OLDER_STRINGS: dict[str, frozenset[str]] = {
    "activations": frozenset({"hard_sigmoid_v2", "softplus", "swish"}),
    "metrics": frozenset({"cosine", "cosine_proximity", "binary_iou"}),
    "losses": frozenset({"cosine", "cosine_proximity", "logcosh", "kullback_leibler_divergence"}),
    "constraints": frozenset({"maxnorm", "nonneg", "unitnorm", "radial_constraint"}),
    "regularizers": frozenset({"l1_l2", "l1l2", "activity_l1", "activity_l2"}),
    "initializers": frozenset({"ConstantV2", "glorot_normal_v2", "he_normal_v2", "lecun"}),
}

# Which kinds may stand under which part of Keras: keras.<part>, keras.src.<part>, keras.<part>.<anything>.
_PARTS: dict[str, tuple[str, ...]] = {
    "activations": ("activations",),
    "applications": ("applications",),
    "constraints": ("constraints",),
    "distillation": ("models", "losses", "distillation"),
    "dtype_policies": ("dtype_policies",),
    "engine": ("layers", "models", "operations"),
    "initializers": ("initializers",),
    "layers": ("layers", "models"),
    "losses": ("losses",),
    "metrics": ("metrics",),
    "mixed_precision": ("dtype_policies", "optimizers"),
    "models": ("layers", "models"),
    "ops": ("operations", "ops"),
    "optimizers": ("optimizers", "schedules"),
    "quantizers": ("quantizers",),
    "random": ("random",),
    "regularizers": ("regularizers",),
    "trainers": ("models",),
    "utils": ("layers",),
}
# What Keras exports at its very top, so that `keras.Model` is saved with the module `keras`.
_TOP = ("models", "layers", "operations", "losses", "metrics", "initializers", "regularizers",
        "dtype_policies", "quantizers", "optimizers")  # fmt: skip
# A test file of Keras is a module too, and importing one runs it.
_MODULE = re.compile(
    r"(?:tf_keras|keras|tensorflow\.keras|tensorflow\.python\.keras)"
    r"(?:\.src|\._legacy|\.legacy|\.api(?:\._v[12]\.keras)?)*"
    r"(?:\.(?P<part>[a-z_]+)(?P<rest>(?:\.[a-z][a-z0-9_]*){0,4}))?"
)
# Layers that Keras finds by their module alone; without one, a class of that name is somebody else's.
_BY_MODULE = "applications"
# The kinds of objects that are looked for in a config that names no modules (whole-model .h5, Keras 1 and 2).
_KINDS_OF_FUNCTIONS = ("activations", "constraints", "initializers", "losses", "metrics", "regularizers")


def kinds_under(module: str) -> tuple[str, ...] | None:
    """The kinds of names that may stand under `module`, or None if it is not a module of Keras.

    Keras 3 imports a module that a config names, if the module is its own; no other is let through here, and
    of its own only those that hold what models are made of.
    """
    match = _MODULE.fullmatch(module)
    if match is None:
        return None
    part, rest = match["part"], match["rest"] or ""
    if part is None:
        return _TOP
    if part not in _PARTS or rest.endswith("_test") or "lambda" in rest or (part == "utils" and rest):
        return ()
    return _PARTS[part]


def is_known_class(name: str, kinds: tuple[str, ...] | None = None) -> bool:
    """Whether Keras ships a class of that name, of one of `kinds` (or of any that needs no module to be found)."""
    for kind in kinds if kinds is not None else CLASSES.keys() - {_BY_MODULE}:
        if name in CLASSES.get(kind, ()) or name in _ALIASES.get(kind, ()):
            return True
    return False


def is_known_text(name: str, kind: str) -> bool:
    """Whether a config may name something of `kind` by this plain text (`"relu"`)."""
    return (
        name in STRINGS.get(kind, ())
        or name in _OLDER_STRINGS.get(kind, ())
        or name in FUNCTIONS.get(kind, ())
        or is_known_class(name, (kind,))
    )


def is_known_function(name: str, module: str) -> bool:
    """Whether `name` is one of Keras's own functions that models are saved with, under that module.

    Args:
        name: the function's name.
        module: where the config says it is: `builtins`, `keras.activations`, `keras.ops`…
    """
    kinds = _KINDS_OF_FUNCTIONS if module == "builtins" else kinds_under(module) or ()
    return any(name in FUNCTIONS.get(kind, ()) for kind in kinds)
