"""Every known trick is refused with a message, in under a second and with under 200 MB of memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from make import ATTACKS, HONEST, make_all

SECONDS, MB = 1.0, 1 << 20
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="measures in forked processes")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What became of each file, by name."""
    paths = make_all(tmp_path_factory.mktemp("attacks"), {**HONEST, **ATTACKS})
    table = {**HONEST, **ATTACKS}
    orders = [[table[name].how, str(path)] for name, path in paths.items()]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("measure.py"))],
        input=json.dumps(orders),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(paths)
    return {name: {**line, "path": str(paths[name])} for name, line in zip(paths, lines, strict=True)}


@pytest.mark.parametrize("name", list(HONEST))
def test_what_the_attacks_start_from_passes(outcomes, name):
    assert outcomes[name]["error"] == "", outcomes[name]["message"]


@pytest.mark.parametrize("name", list(ATTACKS))
def test_attack(outcomes, name):
    attack, outcome = ATTACKS[name], outcomes[name]
    assert outcome["error"] == attack.error, outcome["message"]
    assert attack.says in outcome["message"]
    assert outcome["file"] == outcome["path"]
    assert outcome["bytes"] < 200 * MB
    # Of the processor, since others may be using it as well.
    assert outcome["seconds"] < SECONDS


@pytest.mark.parametrize("name", [name for name, attack in ATTACKS.items() if attack.how != "data"])
def test_every_refusal_says_what_to_do(outcomes, name):
    assert "\n  remedy:   " in outcomes[name]["message"]
