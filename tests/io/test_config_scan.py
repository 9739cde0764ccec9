from __future__ import annotations

import pytest

from keras_weld.errors import LimitError, UnknownClassError, UnsafeFileError
from keras_weld.io.allow_list import is_known_class, is_known_function, kinds_under
from keras_weld.io.config_scan import require_safe, scan_config
from keras_weld.io.limits import Limits


def model(*layers, name="functional_1", **more):
    config = {"name": name, "layers": list(layers), "input_layers": [], "output_layers": []}
    return {"module": "keras.src.models.functional", "class_name": "Functional", "config": config,
            "registered_name": "Functional", **more}  # fmt: skip


def layer(class_name, name, module="keras.layers", registered_name=None, nodes=(), **config):
    return {"module": module, "class_name": class_name, "config": {"name": name, **config},
            "registered_name": registered_name, "name": name, "inbound_nodes": list(nodes)}  # fmt: skip


def legacy(class_name, name, **config):
    return {"class_name": class_name, "config": {"name": name, **config}}


def function(name, module="builtins", registered_name="function"):
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered_name}


def refuse(config, error, **options):
    with pytest.raises(error) as caught:
        require_safe(scan_config(config, file="m.keras", **options), "m.keras")
    return caught.value


DENSE = layer("Dense", "dense", units=3, activation="relu")


def test_an_honest_model_passes():
    report = scan_config(model(DENSE, layer("InputLayer", "in", batch_shape=[None, 8])))
    require_safe(report)
    assert (report.custom, report.unknown, report.executable, report.older, report.problems) == ((),) * 5


def test_an_unknown_layer_is_named_with_its_place_and_how_to_pass_it():
    scale = layer("Scale", "my_scale", module="my_layers", registered_name="mine>Scale")
    error = refuse(model(DENSE, DENSE, scale), UnknownClassError)
    assert str(error) == (
        'The model uses the class "Scale", which is neither built into Keras nor was passed in.\n'
        "  file:     m.keras\n"
        '  layer:    layer "my_scale" (number 3 of "functional_1")\n'
        "  expected: classes and functions that Keras ships, or that you pass in\n"
        "  found:    my_layers.Scale\n"
        "  remedy:   Pass it: --custom my_layers:Scale, or in Python "
        'weld.load(path, custom_objects={"mine>Scale": Scale}).'
    )


def test_inside_nested_models_the_place_names_both():
    inner = model(layer("Scale", "s", module="m"), name="backbone") | {"name": "backbone"}
    report = scan_config(model(DENSE, inner, name="outer"))
    assert report.custom[0].where == 'layer "s" (number 1 of "outer/backbone")'


@pytest.mark.parametrize(
    ("registered_name", "custom", "passes"),
    [
        ("Scale", {"Scale"}, True),
        (None, {"Scale"}, True),
        ("mine>Scale", {"mine>Scale"}, True),
        ("mine>Scale", {"Scale"}, True),
        ("mine>Scale", {"other>Scale"}, False),
        ("mine>Other", {"Scale"}, False),
        ("Scale", {"Dense"}, False),
    ],
)
def test_what_was_passed_in_passes(registered_name, custom, passes):
    scale = layer("Scale", "s", module="my_layers", registered_name=registered_name)
    report = scan_config(model(scale), custom=custom)
    assert len(report.custom) == 1
    assert (report.unknown == ()) is passes


@pytest.mark.parametrize(
    ("name", "registered_name", "custom", "passes"),
    [
        ("act", "function", {"act"}, True),
        ("act", None, {"act"}, True),
        ("act", "mine>act", {"act"}, True),
        ("mine>act", "function", {"mine>act"}, True),
        ("mine>act", "function", {"act"}, False),  # Keras looks for it by its whole name
        ("act", "mine>other", {"act", "mine>other"}, False),
        ("system", "act", {"act"}, False),
        ("system", "function", {"act", "function"}, False),
        ("deserialize", "act", {"act"}, False),
    ],
)
def test_a_function_that_was_passed_in_passes_by_its_name(name, registered_name, custom, passes):
    act = layer("Dense", "d", units=3, activation=function(name, registered_name=registered_name))
    report = scan_config(model(act), custom=custom)
    assert [found.class_name for found in report.custom] == [name]
    assert (report.unknown == ()) is passes


def test_wrapped_layers_activations_and_settings_of_compile_are_looked_into():
    wrapped = layer("TimeDistributed", "each", layer=layer("Scale", "s", module="mine"))
    act = layer("Dense", "d", units=3, activation="snake", kernel_initializer=layer("Orth", "o", module="mine"))
    compiled = {
        "optimizer": layer("Sophia", "o", module="mine"),
        "loss": {"out": "my_loss", "mse": "mse"},
        "metrics": [["accuracy", function("my_metric")], layer("Mine", "m", module="mine")],
    }
    report = scan_config(model(wrapped, act, compile_config=compiled))
    assert [(found.class_name, found.function, found.where) for found in report.custom] == [
        ("Scale", False, 'layer of layer "each" (number 1 of "functional_1")'),
        ("snake", True, 'activation of layer "d" (number 2 of "functional_1")'),
        ("Orth", False, 'kernel_initializer of layer "d" (number 2 of "functional_1")'),
        ("Sophia", False, "optimizer of the compile settings"),
        ("my_loss", True, "out of the compile settings"),
        ("my_metric", True, "metrics of the compile settings"),
        ("Mine", False, "metrics of the compile settings"),
    ]
    same = scan_config(compiled, compiled=True)
    assert [found.class_name for found in same.custom] == ["Sophia", "my_loss", "my_metric", "Mine"]
    error = refuse(model(act), UnknownClassError)
    assert error.problem.startswith('The model uses the function "snake"')
    assert "--custom your_module:snake" in error.remedy


@pytest.mark.parametrize(
    "found",
    [
        layer("Lambda", "code", function={"class_name": "__lambda__", "config": {"code": "x"}}),
        layer("TFSMLayer", "code", filepath="/somewhere"),
        layer("TorchModuleWrapper", "code", module="keras.layers"),
        layer("JaxLayer", "code"),
        layer("FlaxLayer", "code"),
        legacy("Lambda", "code", function=["x", None, None]),
        layer("Activation", "code", activation={"class_name": "__lambda__", "config": {"value": "x"}}),
    ],
    ids=lambda entry: entry["class_name"],
)
def test_executable_content(found):
    error = refuse(model(found), UnsafeFileError)
    assert error.problem.startswith("The model contains code: a ")
    assert 'layer "code" (number 1 of "functional_1")' in error.layer
    assert "would run that code with all your rights" in error.remedy
    assert "--unsafe" in error.remedy
    report = scan_config(model(found), unsafe=True)
    assert report.executable
    if found["class_name"] in ("Lambda", "Activation"):
        require_safe(report)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("keras.utils", "plot_model"),
        ("keras.datasets.mnist", "load_data"),
        ("keras.saving", "KerasFileEditor"),
        ("keras.callbacks", "BackupAndRestore"),
        ("keras.export", "ExportArchive"),
        ("keras.layers", "TFSMLayer"),
        ("keras.layers", "deserialize"),
        ("keras.models", "load_model"),
        ("keras.src.saving.saving_lib", "load_model"),
        ("keras.utils", "get_file"),
        ("keras.ops", "while_loop"),
        ("keras.ops", "zeros"),
        ("keras.config", "enable_unsafe_deserialization"),
    ],
)
@pytest.mark.parametrize("unsafe", [False, True])
def test_functions_of_keras_that_no_model_is_made_of(module, name, unsafe):
    act = layer("Dense", "d", units=3, activation=function(name, module, name))
    error = refuse(model(act), UnsafeFileError, unsafe=unsafe)
    assert error.problem == f"The model names {module}.{name}, which is not something that models are made of."
    assert error.layer == 'activation of layer "d" (number 1 of "functional_1")'


@pytest.mark.parametrize(
    ("class_name", "module"),
    [
        ("load_data", "keras.datasets.mnist"),
        ("BackupAndRestore", "keras.callbacks"),
        ("Dense", "keras.callbacks"),
        ("Dense", "keras.src.layers.core.dense_test"),
        ("Dense", "keras.src.utils.something"),
        ("StatelessScope", "keras"),
        ("Variable", "keras"),
        ("NewestLayer", "keras.layers"),
    ],
)
def test_classes_of_keras_that_no_model_is_made_of(class_name, module):
    error = refuse(model(layer(class_name, "d", module=module)), UnsafeFileError)
    assert f"{module}.{class_name}" in error.problem
    assert "update keras-weld" in error.remedy


def test_a_foreign_module_is_never_taken_for_keras():
    for module in ("os", "kerasx.layers", "my.keras.layers", "keras_hub.layers", "keras-x"):
        report = scan_config(model(layer("Dense", "d", module=module)))
        assert [found.full_name for found in report.unknown] == [f"{module}.Dense"]
    report = scan_config(model(layer("Dense", "d", module=None)))
    assert [found.full_name for found in report.unknown] == ["Dense"]


@pytest.mark.parametrize(
    "entry",
    [
        layer("Dense", "d", registered_name="evil>Dense"),
        layer("Dense", "d", registered_name="Custom>Dense"),
        {**legacy("Dense", "d"), "registered_name": "evil>Dense"},
        layer("Dense", "d", activation=function("relu", "keras.activations", "evil>relu")),
    ],
)
def test_a_built_in_with_the_registered_name_of_another_class(entry):
    error = refuse(model(entry), UnsafeFileError, custom={"evil>Dense", "evil>relu"})
    assert "and means another class, registered as" in error.problem


def test_a_name_of_yours_that_keras_has_too_is_told():
    report = scan_config(model(legacy("Dense", "d", units=2)), custom={"Dense"})
    assert [found.class_name for found in report.shadowed] == ["Dense"]
    require_safe(report)


@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        (layer("StringLookup", "s", vocabulary="/etc/passwd"), "'/etc/passwd'"),
        (layer("IntegerLookup", "s", vocabulary="vocabulary.txt"), "'vocabulary.txt'"),
        (layer("TextVectorization", "s", vocabulary="a.txt"), "'a.txt'"),
        (legacy("StringLookup", "s", vocabulary="/etc/passwd"), "'/etc/passwd'"),
        (layer("Dense", "s", units=3, dtype="hf://someone/model"), "'hf://someone/model'"),
        (layer("Rescaling", "s", options={"deep": {"scale": "https://x.example"}}), "'https://x.example'"),
    ],
)
def test_texts_that_keras_would_open(entry, asked):
    error = refuse(model(entry), UnsafeFileError)
    assert error.problem == f"The model asks to open {asked} while it is loaded."
    assert error.layer == 'layer "s" (number 1 of "functional_1")'


def test_vocabularies_inside_the_model_are_fine():
    words = layer("StringLookup", "s", vocabulary=["http://a", "b"], invert=False)
    numbers = layer("IntegerLookup", "i", vocabulary=[5_000_000_000, 7])
    require_safe(scan_config(model(words, numbers, layer("StringLookup", "t", vocabulary=None))))


@pytest.mark.parametrize(
    "entry",
    [
        layer("Dense", "d", units=30_000_000),
        layer("Embedding", "d", input_dim=10**12, output_dim=2),
        layer("Conv2D", "d", filters=3, kernel_size=[3, 10**9]),
        layer("InputLayer", "d", batch_shape=[None, 10**10]),
        layer("Dense", "d", units=3) | {"build_config": {"input_shape": [None, 10**10]}},
        legacy("LSTM", "d", units=10**8),
        legacy("Convolution2D", "d", nb_filter=10**8),
    ],
)
def test_sizes_above_the_limit(entry):
    error = refuse(model(entry), LimitError)
    assert error.problem == "A layer asks for a size above the limit `dimension`."
    assert "--limit dimension=" in error.remedy
    require_safe(scan_config(model(entry), limits=Limits(dimension=10**12)))


def test_numbers_that_are_no_sizes_may_be_large():
    tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, 8], "dtype": "float32"}}
    node = {"args": [tensor, 10**12], "kwargs": {"n": 10**13}}
    add = layer("Add", "add", module="keras.src.ops.numpy", registered_name="Add", nodes=[node])
    dropout = layer("Dropout", "drop", seed=10**11, rate=0.5)
    mine = layer("Scale", "mine", module="mine", key=10**15)
    report = scan_config(model(add, dropout, mine), custom={"Scale"})
    require_safe(report)


def test_a_call_on_plain_values_would_compute_while_loading():
    value = {"class_name": "__tensor__", "config": {"value": [1], "dtype": "float32"}}
    tile = layer("Tile", "t", module="keras.src.ops.numpy", nodes=[{"args": [value, [10**9]], "kwargs": {}}])
    error = refuse(model(tile), UnsafeFileError)
    assert error.found == "one called on plain values"


@pytest.mark.parametrize(
    "entry",
    [
        {
            "class_name": "__typespec__",
            "config": [],
            "spec_name": "x",
            "module": "x",
            "registered_name": None,
        },
        {"class_name": "__numpy__", "config": {"value": ["x"], "dtype": "U500000000"}},
        {"class_name": "__tensor__", "config": {"value": [1], "dtype": "V999999999"}},
        {"class_name": 3, "config": {}},
        {"class_name": "Dense", "module": ["keras.layers"], "config": {}},
        {"class_name": "Dense", "module": "keras.layers", "config": {}, "registered_name": 5},
        {"class_name": "function", "module": "builtins", "config": {"a": 1}},
    ],
)
@pytest.mark.parametrize("unsafe", [False, True])
def test_what_no_saved_model_needs(entry, unsafe):
    error = refuse(model(layer("Rescaling", "r", scale=entry)), UnsafeFileError, unsafe=unsafe)
    assert error.problem == "The model's configuration holds something that no saved model needs."


@pytest.mark.parametrize("class_name", ["TensorFlowOpLayer", "LocallyConnected1D", "CuDNNLSTM"])
def test_layers_of_older_versions_are_told_apart_from_custom_ones(class_name):
    error = refuse(model(legacy(class_name, "old")), UnknownClassError)
    assert error.problem == f'The model uses "{class_name}", which Keras 3 no longer has.'
    assert "Inspecting, checking and averaging work as it is." in error.remedy
    require_safe(scan_config(model(legacy(class_name, "old")), custom={class_name}))


def test_what_keras_2_wrote():
    sgd = {"class_name": "Custom>Adam", "config": {"learning_rate": 0.1}}
    named = {**sgd, "module": "keras.optimizers", "registered_name": "Custom>Adam"}
    old = legacy("Convolution2D", "c", nb_filter=3, init="glorot_uniform", inner_activation="hard_sigmoid")
    for optimizer in (sgd, named):
        require_safe(scan_config({"optimizer_config": optimizer, "loss": "mse"}, compiled=True))
    keras_1 = {"class_name": "Sequential", "config": [old, legacy("SyncBatchNormalization", "b")]}
    require_safe(scan_config(keras_1, custom={"SyncBatchNormalization"}))
    entry = layer("Dense", "d", module="keras.src.layers.core.dense", units=2)
    require_safe(scan_config(model(entry, name="m") | {"module": "keras.src.engine.functional"}))


def test_nesting_above_the_limit_ends_in_words():
    deep: object = 1
    for _ in range(300):
        deep = [deep]
    error = refuse(model(layer("Rescaling", "r", scale=deep)), LimitError)
    assert "above the limit `json_depth`" in error.problem


def test_findings_of_a_hostile_file_are_cut_off():
    layers = [layer(f"Scale{number}", "s", module="m") for number in range(500)]
    big = [layer("Dense", "d", units=10**9 + number) for number in range(500)]
    report = scan_config(model(*layers, *big))
    assert len(report.unknown) == len(report.problems) == 50


def test_one_problem_in_many_layers_is_told_once_with_their_number():
    layers = [layer("NewestLayer", f"new_{number}") for number in range(36)]
    report = scan_config(model(*layers, layer("Dense", "big", units=10**9)))
    assert [problem.layer for problem in report.problems] == [
        'layer "new_0" (number 1 of "functional_1") and 35 more',
        'layer "big" (number 37 of "functional_1")',
    ]


def test_layers_of_keras_applications_are_known_by_their_module():
    module = "keras.src.applications.convnext"
    scale = layer("LayerScale", "s", module=module, registered_name="LayerScale", init_values=1e-6, projection_dim=4)
    require_safe(scan_config(model(scale)))
    refuse(model(layer("LayerScale", "s", module=module, projection_dim=10**9)), LimitError)
    refuse(model(layer("LayerScale", "s", module=module, registered_name="mine>LayerScale")), UnsafeFileError)
    for name in ("ConvNeXtTiny", "preprocess_input", "Layer", "Functional"):
        refuse(model(layer(name, "s", module=module)), UnsafeFileError)
    for other in (layer("LayerScale", "s", module="mine"), legacy("LayerScale", "s")):  # the user's own
        refuse(model(other), UnknownClassError)
        require_safe(scan_config(model(other), custom={"LayerScale"}))


def test_the_allow_list_covers_what_models_name():
    for name in (
        "Dense",
        "MultiHeadAttention",
        "GroupQueryAttention",
        "Functional",
        "Add",
        "AdamW",
        "Policy",
    ):
        assert is_known_class(name) is (name != "Policy")
    for name in ("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "load_data"):
        assert not is_known_class(name)
    assert is_known_function("relu", "keras.activations")
    assert is_known_function("mean_squared_error", "builtins")
    assert not is_known_function("deserialize", "builtins")
    assert kinds_under("keras.src.ops.numpy") == ("operations", "ops")
    assert kinds_under("tensorflow.python.keras.engine.functional") is not None
    assert kinds_under("keras.src.layers.core.lambda_layer") == ()
    assert kinds_under("keras.callbacks") == ()
    assert kinds_under("os.path") is None
    assert kinds_under("keras.layers\n") is None
