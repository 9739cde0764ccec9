"""The page that shows the merged networks of a zip: one file, nothing from outside."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_weld.zipping.frontier import Frontier

_TEMPLATE, _PLACE = "zip_report.html", "__FRONTIER__"


def report(frontier: Frontier) -> str:
    """The text of `report.html`.

    Names of tasks and files are a user's own: nothing in them can end the script that holds them, and the page sets
    texts, never markup.
    """
    template = files("keras_weld.recipes").joinpath(_TEMPLATE).read_text("utf-8")
    return template.replace(_PLACE, frontier.as_json().replace("<", "\\u003c"))
