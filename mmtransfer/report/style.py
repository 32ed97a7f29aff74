"""One look for all figures: colours, sizes of text, and axes without clutter."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK, FAINT = '#23282f', '#6b727c'  # what is read first, and what is read when it is looked for
GRID, LINE, EDGE, PALE = '#e3e6ea', '#c3c8cf', '#9aa1ab', '#b9bfc7'  # from light to dark greys
MARK = '#2fbf71'  # on pictures, which are dark

# Of series. Told apart by the colour-blind, the first two in grey as well.
COLOURS = ('#b8402a', '#3470a8', '#3f7d5a', '#c9922e', '#7a5195', '#5d6570', '#2f9e9e', '#a05a6c')
# Kernel -> colour, told apart by the colour-blind and in grey.
KERNELS = {3: '#4a7fb0', 5: '#cb7a24', 7: '#3f7d5a'}
OTHER = '#8a8f98'

TITLE, TEXT, SMALL = 12.0, 9.5, 8.5  # points

LEGEND: dict[str, Any] = dict(
    frameon=False, labelcolor=INK, fontsize=TEXT, title_fontsize=TEXT, alignment='left'
)


def new_figure(width: float, height: float, dpi: int = 120, **layout: Any) -> Figure:
    """An empty white figure that belongs to no window.

    Args:
        width, height: In inches.
        dpi: Pixels per inch.
        layout: Arguments of matplotlib's; by default nothing overlaps.
    """
    settings = {'layout': 'constrained', **layout}
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor='white', **settings)
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes, x: str = '', y: str = '') -> None:
    """Name the axes, and leave of frame and grid what helps to read them."""
    axes.set_xlabel(x, color=INK, fontsize=TEXT)
    axes.set_ylabel(y, color=INK, fontsize=TEXT)
    axes.grid(color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, labelsize=SMALL)
    axes.spines[['top', 'right']].set_visible(False)
    axes.spines[['left', 'bottom']].set_color(FAINT)
