"""A calibration that `keras.distribution` spreads over devices or processes reaches the losses of a single one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(os.environ["KERAS_BACKEND"] != "jax", reason="keras.distribution works on JAX"),
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
]

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "zipping")]

from zip_distributed import zip_small  # noqa: E402


def started(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "zip_distributed.py"), *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_two_devices_and_two_processes_reach_the_losses_of_a_single_one(tmp_path: Path) -> None:
    addresses = ",".join(f"127.0.0.1:{free_port()}" for _ in range(2))
    running = [started(tmp_path / "devices", "devices")]
    running += [started(tmp_path / f"process-{one}", "processes", one, addresses) for one in range(2)]
    try:
        single = zip_small(tmp_path / "single")
        for one in running:
            said, errors = one.communicate(timeout=300)
            assert one.returncode == 0, errors
            found = json.loads(said.splitlines()[-1])
            assert found["devices"] == 2
            assert found["losses"] == pytest.approx(single["losses"], rel=1e-5)
            assert found["values"] == single["values"]
    finally:
        for one in running:
            one.kill()
            one.communicate()
