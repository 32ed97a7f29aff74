"""An architecture as a picture, in the manner of FNA++'s Fig. 4.

Every layer is a rectangle: its colour is the kernel, its width the expansion. Dashed boxes hold the
layers of a stage. The picture is made from the choices alone, ``stage1.layer0: k5e6``.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from mmtransfer.architecture import Architecture

# One colour per kernel, dark for expansion 6, light for smaller ones; safe for colour blindness.
COLOURS = {3: '#4878a8', 5: '#e08a3c', 7: '#6a9f58'}
OTHER = '#8c8c8c'
_WIDTH, _HEIGHT, _GAP, _STAGE_GAP = 1.5, 0.52, 0.16, 0.3


def draw(
    architectures: Sequence[Architecture],
    titles: Sequence[str] | None = None,
    channels: Sequence[Mapping[int, int]] | None = None,
) -> Figure:
    """Architectures side by side, input at the top.

    Args:
        architectures: At least one.
        titles: One per architecture.
        channels: Per architecture, stage index -> output channels, for the captions of the stages.

    Returns:
        A matplotlib figure that belongs to no window.

    Raises:
        ValueError: Nothing to draw, or another number of titles.
    """
    titles = list(titles) if titles is not None else [''] * len(architectures)
    if not architectures or len(titles) != len(architectures):
        raise ValueError(
            f'draw needs at least one architecture and a title for each; received '
            f'{len(architectures)} architectures and {len(titles)} titles.'
        )
    columns = [_stages(a) for a in architectures]
    rows = max(
        sum(_stage_height(layers) + _STAGE_GAP for layers in column.values()) for column in columns
    )
    figure = Figure(figsize=(2.9 * len(columns) + 0.4, 0.56 * rows + 1.5), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis('off')
    span = 3.4
    kernels: set[int] = set()
    for index, (column, architecture, title) in enumerate(
        zip(columns, architectures, titles, strict=True)
    ):
        names = channels[index] if channels else {}
        kernels |= _column(axes, column, index * span, names)
        axes.text(
            index * span, 1.0, title, ha='center', va='bottom', fontsize=11, fontweight='bold'
        )
        axes.text(
            index * span, 0.9, _caption(architecture), ha='center', va='top', fontsize=8.5,
            color='#555555',
        )  # fmt: skip
    _legend(axes, sorted(kernels), (len(columns) - 1) * span / 2, -rows - 0.1)
    axes.set_xlim(-span / 2, (len(columns) - 0.5) * span)
    axes.set_ylim(-rows - 0.9, 1.6)
    return figure


def to_array(figure: Figure) -> np.ndarray:
    """The figure as (H, W, 3) RGB, 8 bit."""
    canvas = figure.canvas
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[attr-defined]


def _stages(architecture: Architecture) -> dict[int, list[str]]:
    """Stage index -> its ops in order, skipped layers left out."""
    stages: dict[int, list[str]] = {}
    for name, option in architecture.options:
        found = re.fullmatch(r'stage(\d+)\.layer(\d+)', name)
        stage = int(found[1]) if found else 0
        stages.setdefault(stage, [])
        if option != 'skip':
            stages[stage].append(option)
    return stages


def _column(axes, stages: Mapping[int, list[str]], x: float, channels: Mapping[int, int]) -> set:
    """One architecture, centred at x; returns the kernels it uses."""
    kernels = set()
    y = 0.2
    for stage, ops in stages.items():
        height = _stage_height(ops)
        box = FancyBboxPatch(
            (x - 1.15, y - height), 2.3, height, boxstyle='round,pad=0.02,rounding_size=0.1',
            fill=False, linestyle=(0, (4, 3)), edgecolor='#999999', linewidth=1,
        )  # fmt: skip
        axes.add_patch(box)
        if stage in channels:
            axes.text(x + 1.2, y - height / 2, f'{channels[stage]}', rotation=90, fontsize=8,
                      ha='left', va='center', color='#777777')  # fmt: skip
        top = y - _GAP
        for op in ops:
            kernels.add(_layer(axes, op, x, top))
            top -= _HEIGHT + _GAP
        y -= height + _STAGE_GAP
    return kernels


def _stage_height(ops: Sequence[str]) -> float:
    return len(ops) * (_HEIGHT + _GAP) + _GAP


def _layer(axes, op: str, x: float, top: float) -> int:
    """One rectangle; returns the kernel."""
    found = re.fullmatch(r'k(\d+)e(\d+)', op)
    kernel, expansion = (int(found[1]), int(found[2])) if found else (0, 6)
    width = _WIDTH * (0.62 + 0.08 * min(expansion, 6))
    axes.add_patch(
        Rectangle(
            (x - width / 2, top - _HEIGHT), width, _HEIGHT,
            facecolor=COLOURS.get(kernel, OTHER), alpha=1.0 if expansion >= 6 else 0.62,
            edgecolor='white', linewidth=0.8,
        )
    )  # fmt: skip
    label = f'K{kernel}E{expansion}' if found else op
    axes.text(x, top - _HEIGHT / 2, label, ha='center', va='center', fontsize=9, color='white')
    return kernel


def _legend(axes, kernels: Sequence[int], x: float, y: float) -> None:
    known = [k for k in kernels if k in COLOURS]
    left = x - 0.6 * (len(known) - 1) / 2 * 1.7
    for i, kernel in enumerate(known):
        at = left + i * 1.02
        axes.add_patch(Rectangle((at - 0.42, y - 0.13), 0.26, 0.26, facecolor=COLOURS[kernel]))
        axes.text(at - 0.1, y, f'{kernel}x{kernel}', va='center', fontsize=8.5, color='#444444')
    axes.text(x, y - 0.42, 'wide: expansion 6, narrow: 3', ha='center', fontsize=8, color='#666666')


def _caption(architecture: Architecture) -> str:
    cost = architecture.cost or {}
    parts = []
    if 'madds' in cost:
        madds = cost['madds']
        parts.append(f'{madds / 1e9:.2f} G MAdds' if madds >= 1e9 else f'{madds / 1e6:.0f} M MAdds')
    if 'params' in cost:
        parts.append(f'{cost["params"] / 1e6:.2f} M params')
    return ', '.join(parts)
