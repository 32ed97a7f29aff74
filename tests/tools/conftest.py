"""The tools are scripts beside the package: their folder goes on the path."""

import sys
from pathlib import Path

TOOLS = str(Path(__file__).resolve().parents[2] / 'tools')
if TOOLS not in sys.path:
    sys.path.insert(0, TOOLS)
