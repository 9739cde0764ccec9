"""What libraries say below Python is kept off the screen, unless they fail."""

from __future__ import annotations

import os

import pytest

from keras_weld.core.hush import hush


def speak(*, fail: bool = False) -> None:
    with hush() as screen:
        os.write(2, b"greetings\n")
        if screen is not None:
            os.write(screen, b"meanwhile\n")
        if fail:
            raise ValueError("no")


def test_it_is_kept_off_the_screen(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WELD_DEBUG", raising=False)
    speak()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "meanwhile\nafter\n"


def test_it_is_shown_if_the_block_fails(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WELD_DEBUG", raising=False)
    with pytest.raises(ValueError, match="no"):
        speak(fail=True)
    assert capfd.readouterr().err == "meanwhile\ngreetings\n"


def test_it_is_not_shown_before_an_error_that_tells_its_reason(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WELD_DEBUG", raising=False)

    def refused() -> None:
        with hush((ValueError,)):
            os.write(2, b"greetings\n")
            raise ValueError("reason")

    with pytest.raises(ValueError, match="reason"):
        refused()
    assert capfd.readouterr().err == ""


def test_it_is_shown_for_debugging(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WELD_DEBUG", "1")
    speak()
    assert capfd.readouterr().err == "greetings\n"
