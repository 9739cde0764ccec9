"""Numbers of things as people write them."""

from __future__ import annotations

import pytest

from keras_weld.core.plural import counted


@pytest.mark.parametrize(("count", "text"), [(0, "0 examples"), (1, "1 example"), (2000, "2,000 examples")])
def test_one_of_a_thing_has_no_s(count: int, text: str) -> None:
    assert counted(count, "example") == text
