"""Fixtures of the tests of live models."""

from __future__ import annotations

import pytest
from small_models import build, digits, train


@pytest.fixture(scope="session")
def trained():
    """A trained model; tests must not change it."""
    return train(build())


@pytest.fixture(scope="session")
def images():
    return digits()[0][1500:]
