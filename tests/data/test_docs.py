"""The examples of docs/data.md."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


@pytest.mark.keras
def test_examples_of_the_page_give_what_they_show():
    pytest.importorskip("tensorflow")
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert failed == 0
    assert tried > 20


@pytest.mark.parametrize("name", ["divide", "open", "order", "prepare", "split", "streams"])
def test_examples_of_docstrings_give_what_they_show(name):
    assert doctest.testmod(import_module(f"keras_weld.data.{name}")).failed == 0
