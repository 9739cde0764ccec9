"""The page that shows the merged networks of a zip: one file, nothing from outside."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_weld.zipping.frontier import Frontier


def report(frontier: Frontier) -> str:
    """The text of `report.html`.

    Names of tasks and files are a user's own: nothing in them can end the script that holds them, and the page sets
    texts, never markup.
    """
    parts = {
        "__STYLE__": _part("zip_report.css"),
        "__SCRIPT__": _part("zip_drawing.js") + _part("zip_report.js"),
        "__FRONTIER__": frontier.as_json().replace("<", "\\u003c"),  # last: what it holds is not looked through
    }
    text = _part("zip_report.html")
    for place, part in parts.items():
        text = text.replace(place, part)
    return text


def _part(name: str) -> str:
    return files("keras_weld.recipes").joinpath(name).read_text("utf-8")
