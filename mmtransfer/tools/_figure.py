"""How the tools that draw end: with a picture in a file."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_figure(figure: 'Figure', output: Path) -> None:
    """Save a figure, and say where.

    Args:
        figure: What was drawn.
        output: File to write; its folder is made.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output)
    print(output)
