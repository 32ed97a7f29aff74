"""How the tools that draw end: a picture in a file, or one line that says what was wrong."""

import sys
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure


def write_figure(make: Callable[[], Figure], output: Path) -> int:
    """Draw and save; returns the exit status.

    Args:
        make: Draws; its ValueError or OSError becomes a line on stderr, and status 2.
        output: File to write; its folder is made.
    """
    try:
        figure = make()
        output.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(output)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(output)
    return 0
