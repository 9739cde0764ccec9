"""`report.html` in a real browser, and what names of a user's own can do to it: nothing."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from zip_frontier import frontier

from keras_weld.recipes.zip_report import report

BROWSERS = ("chromium", "chromium-headless-shell", "chrome-headless-shell", "google-chrome")
Browse = Callable[..., str]


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Open a page in a browser that shows nothing on the screen, and give what is left on its standard output."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium is installed (apt-get install chromium-headless-shell)")

    def run(text: str, *options: str) -> str:
        page = tmp_path / "report.html"
        page.write_text(text, "utf-8")
        quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={tmp_path}/user")
        command = [found, *quiet, "--enable-logging=stderr", *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert "Uncaught" not in done.stderr
        assert "Refused to" not in done.stderr
        return done.stdout

    return run


def texts(page: str, pattern: str) -> list[str]:
    """What the page says between some tags."""
    return [
        " ".join(html.unescape(re.sub(r"<[^>]+>", " ", one)).split()) for one in re.findall(pattern, page, re.DOTALL)
    ]


def test_nothing_comes_from_outside_and_names_of_tasks_are_texts() -> None:
    evil = "</script><script>alert(1)</script>"
    page = report(replace(frontier(), notes=(evil, "__SCRIPT__")))
    assert evil not in page
    assert page.count("<script") == 2
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=|@import|url\(", page)


def test_the_page_shows_every_network_and_the_slider_goes_through_them(browse: Browse) -> None:
    move = "<script>at('slider').value = 1; at('slider').dispatchEvent(new Event('input'));</script></body>"
    page = browse(report(frontier()).replace("</body>", move), "--dump-dom")
    rounds = texts(page, r'<th scope="row">(.*?)</th>')
    assert rounds == ["branch, not trained", "branch, trained", "0", "1", "1-4", "1-7", "1-10", "★ 1-13"]
    assert texts(page, r"<output[^>]*>(.*?)</output>") == ["1 of 13"]
    cards = texts(page, r"<dt>(.*?)</dt>")
    assert cards[:3] == ["compression", "speedup, batch 1", "speedup, batch 8"]
    assert cards[-1] == "file"
    assert page.count('<tr class="shown">') == 1
    assert page.count("<polyline") == 6  # a curve for each round that was calibrated, and for the branch
    assert "Too far below to be drawn: branch, not trained." in page


def test_the_page_does_without_data_and_with_one_round(browse: Browse) -> None:
    bare = frontier((13,))
    one = replace(bare.rounds[0], tasks={}, losses=(), peak=None, onnx=())
    page = browse(report(replace(bare, rounds=(one,), baselines=(), notes=(), chosen=None)), "--dump-dom")
    assert "Without labelled data, accuracy is not measured." in page
    assert "No network is within the limits." in page
    assert texts(page, r'<th scope="row">(.*?)</th>') == ["1-13"]
    assert "<svg" not in page


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_can_be_read_in_dark_and_in_light(dark: bool, browse: Browse, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    browse(report(frontier()), scheme, "--window-size=1100,1900", f"--screenshot={picture}")
    from PIL import Image

    with Image.open(picture) as image:
        grey = image.convert("L")
        counts = grey.histogram()
        wide, high = grey.size
    assert wide == 1100
    paper = max(range(256), key=lambda level: counts[level])
    assert (paper < 64) == dark
    inks = sum(count for level, count in enumerate(counts) if abs(level - paper) > 110)
    assert inks > wide * high / 200  # texts and pictures stand out from the paper
