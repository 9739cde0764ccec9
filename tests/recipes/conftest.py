"""The tests of recipes make their model files as those of io do."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "io"))
