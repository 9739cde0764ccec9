"""The recipe of a training: what it takes, and that each refusal names file, line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from keras_weld.errors import UsageError
from keras_weld.recipes.train_recipe import RecipeFile, parse_recipe
from keras_weld.training.changes import CHANGES

WHOLE = """\
model: {name: "nets:small", width: 24}
data: digits.npz
epochs: 3
optimizer: {name: adam, learning_rate: 1e-3}
"""


def parse(text: str) -> RecipeFile:
    return parse_recipe(text, "r.yaml", Path())


def test_a_number_with_an_exponent_is_a_number() -> None:
    recipe = parse(WHOLE).recipe
    assert recipe.optimizer is not None
    assert recipe.optimizer.settings == {"learning_rate": 0.001}
    assert recipe.model.settings == {"width": 24}


def test_json_is_yaml_too() -> None:
    recipe = parse('{"model": "a.keras", "data": "d.npz", "epochs": 2, "loss": {"a": "mse", "b": "mae"}}').recipe
    assert (recipe.model.name, recipe.epochs, list(recipe.loss)) == ("a.keras", 2, ["a", "b"])


@pytest.mark.parametrize(
    ("more", "file", "found", "remedy"),
    [
        ("batchsize: 3", "r.yaml, line 5, field batchsize", "batchsize", "Write batch_size, if that is meant."),
        ("seed: -1", "r.yaml, line 5, field seed", "-1 (int)", "Write another value."),
        ("steps: ten", "r.yaml, line 5, field steps", "'ten' (str)", "Write another value."),
        ("seed: 1\nepochs: 4", "r.yaml, line 3, field epochs", "lines 3 and 6", "Take one of them out."),
        ("every: 10 parsecs", "r.yaml, line 5, field every", "'10 parsecs' (str)", "Write another value."),
        ("best: val_loss", "r.yaml, line 5, field best", "'val_loss' (str)", "Write another value."),
        ("pixels: 0..2", "r.yaml, line 5, field pixels", "'0..2' (str)", "Write another value."),
        ("changes: [data, bogus]", "r.yaml, line 5, field changes[1]", "'bogus' (str)", "Write another value."),
        (
            "callbacks:\n  - patience: 3",
            "r.yaml, line 6, field callbacks[0]",
            "{'patience': 3} (dict)",
            "Write another value.",
        ),
    ],
)
def test_a_refusal_names_file_line_and_field(more: str, file: str, found: str, remedy: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(WHOLE + more)
    error = refused.value
    assert (error.file, error.found, error.remedy) == (file, found, remedy)


def test_a_text_in_a_form_of_its_own_is_refused_with_that_form() -> None:
    with pytest.raises(UsageError) as refused:
        parse(WHOLE + "every: 10 parsecs")
    assert refused.value.expected == '"epoch", "500 steps" or "10 minutes"'


def test_the_changes_of_a_recipe_are_those_of_a_run() -> None:
    assert parse(WHOLE + f"changes: [{', '.join(CHANGES)}]").recipe.changes == list(CHANGES)
    with pytest.raises(UsageError) as refused:
        parse(WHOLE + "changes: [epochs]")
    assert refused.value.expected == ", ".join(CHANGES)


def test_what_is_missing_or_no_yaml_is_refused() -> None:
    with pytest.raises(UsageError, match="lacks a field") as refused:
        parse("model: a.keras\ndata: d.npz\n")
    assert "field epochs" in str(refused.value.file)
    with pytest.raises(UsageError, match="is not YAML") as refused:
        parse("model: [a\n")
    assert str(refused.value.file).startswith("r.yaml, line ")
    with pytest.raises(UsageError, match="has no fields"):
        parse("")
