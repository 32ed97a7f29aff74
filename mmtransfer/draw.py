"""Architectures as a picture, in the manner of FNA++'s Fig. 4.

A row is an architecture and a rectangle a layer: tall for a large kernel, wide for a large
expansion or for many groups, one colour per kernel. Dashed boxes hold the layers of a stage; they
stand below each other, so that rows compare. The picture is made from the choices alone,
``stage1.layer0: k5e6``.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from mmtransfer.architecture import Architecture

# Kernel -> colour, told apart by the colour-blind and in grey; lighter for a smaller expansion.
COLOURS = {3: '#4a7fb0', 5: '#cb7a24', 7: '#3f7d5a'}
OTHER = '#8a8f98'
INK, FAINT = '#23282f', '#7b828c'
# Lengths in inches: one data unit of the axes is one inch.
_GAP, _PAD, _STAGE_GAP, _MARGIN = 0.07, 0.11, 0.2, 0.25
_ROW, _TITLE, _LEGEND = 1.36, 0.62, 0.62
_LABEL = {'e': 1.15, 'g': 0.85}  # room for 'expansion 6' and for '8 groups'

Stages = dict[str, list[str]]


def draw(
    architectures: Sequence[Architecture],
    titles: Sequence[str] | None = None,
    channels: Sequence[Mapping[int, int]] | None = None,
) -> Figure:
    """Architectures below each other, the input on the left; skipped layers are left out.

    Args:
        architectures: At least one.
        titles: One per architecture.
        channels: Per architecture, stage index -> output channels, written below the stages.

    Returns:
        A matplotlib figure that belongs to no window.

    Raises:
        ValueError: Nothing to draw, or another number of titles or channels.
    """
    count = len(architectures)
    titles = [''] * count if titles is None else list(titles)
    channels = [{}] * count if channels is None else list(channels)
    if not count or len(titles) != count or len(channels) != count:
        raise ValueError(
            f'draw needs at least one architecture, and a title and the channels of each where '
            f'they are given; received {count} architectures, {len(titles)} titles and '
            f'{len(channels)} mappings of channels.'
        )
    rows = [_stages(a) for a in architectures]
    names = list(dict.fromkeys(name for row in rows for name in row))
    widths = {name: max(_stage_width(row.get(name, [])) for row in rows) for name in names}
    ops = {op for row in rows for ops in row.values() for op in ops}
    width = max(sum(widths.values()) + _STAGE_GAP * (len(names) - 1), 5.0, _legend_width(ops))
    width += 2 * _MARGIN
    height = count * (_TITLE + _ROW) + _LEGEND + 0.1

    figure = Figure(figsize=(width, height), dpi=110, facecolor='white')
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axes.axis('off')
    top = height
    for row, architecture, title, outputs in zip(
        rows, architectures, titles, channels, strict=True
    ):
        axes.text(_MARGIN, top - 0.36, title, va='center', fontsize=12, weight='bold', color=INK)
        caption = _caption(architecture)
        axes.text(
            width - _MARGIN, top - 0.36, caption, ha='right', va='center', fontsize=10, color=FAINT
        )
        _row(axes, row, widths, top - _TITLE - 0.56, outputs)
        top -= _TITLE + _ROW
    _legend(axes, ops, 0.3)
    return figure


def to_array(figure: Figure) -> np.ndarray:
    """The figure as (H, W, 3) RGB, 8 bit."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg), 'only figures of draw() become arrays'
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _stages(architecture: Architecture) -> Stages:
    """Name of a stage -> its ops in order, skipped layers left out."""
    stages: Stages = {}
    for choice, option in architecture.options:
        ops = stages.setdefault(choice.partition('.')[0], [])
        if option != 'skip':
            ops.append(option)
    return stages


def _row(
    axes: Axes, row: Stages, widths: Mapping[str, float], middle: float, outputs: Mapping[int, int]
) -> None:
    """One architecture, its layers centred at height ``middle``."""
    left, half = _MARGIN, 0.56
    end = _MARGIN + sum(widths.values()) + _STAGE_GAP * (len(widths) - 1)
    axes.plot([_MARGIN - 0.12, end + 0.12], [middle] * 2, color='#c3c8cf', lw=1.4, zorder=0)
    for name, room in widths.items():
        if name in row:
            ops = row[name]
            box = dict(edgecolor='#9aa1ab', facecolor='white', lw=1.1, ls=(0, (4, 2.5)), zorder=1)
            _rounded(axes, left, middle - half, room, 2 * half, 0.07, **box)
            axes.plot([left, left + room], [middle] * 2, color='#c3c8cf', lw=1.4, zorder=2)
            x = left + (room - _stage_width(ops)) / 2 + _PAD
            for op in ops:
                x += _layer(axes, op, x, middle) + _GAP
            found = re.search(r'\d+$', name)
            if found and int(found[0]) in outputs:
                text = f'{outputs[int(found[0])]} channels'
                axes.text(left + room / 2, middle - half - 0.13, text, ha='center', va='center',
                          fontsize=9, color=FAINT)  # fmt: skip
        left += room + _STAGE_GAP


def _layer(axes: Axes, op: str, x: float, middle: float) -> float:
    """One rectangle with its left edge at x; returns its width."""
    kernel, kind, number = _parse(op)
    width, height = _width(op), 0.44 + 0.07 * min(kernel or 5, 7)
    face = _lighter(COLOURS.get(kernel, OTHER), number)
    _rounded(axes, x, middle - height / 2, width, height, 0.04, facecolor=face, lw=0, zorder=3)
    text = f'K{kernel}{kind.upper()}{number}' if kernel else op
    ink = INK if kernel and number < 6 else 'white'
    axes.text(x + width / 2, middle, text, rotation=90, ha='center', va='center', fontsize=9.5,
              color=ink, zorder=4)  # fmt: skip
    return width


def _legend(axes: Axes, ops: set[str], middle: float) -> None:
    """What the rectangles mean, for the kernels and expansions that occur."""
    kernels, numbers = _legend_entries(ops)
    x = _MARGIN
    for kernel in kernels:
        face = COLOURS.get(kernel, OTHER)
        _rounded(axes, x, middle - 0.09, 0.18, 0.18, 0.03, facecolor=face, lw=0)
        axes.text(x + 0.26, middle, f'kernel {kernel}', va='center', fontsize=9.5, color=INK)
        x += 1.05
    x += 0.15
    for kind, number in numbers:
        width = _width(f'k3{kind}{number}')
        _rounded(axes, x, middle - 0.14, width, 0.28, 0.03, lw=0, facecolor=_lighter(INK, number))
        text = f'expansion {number}' if kind == 'e' else f'{number} group{"s" * (number > 1)}'
        axes.text(x + width + 0.08, middle, text, va='center', fontsize=9.5, color=INK)
        x += width + _LABEL[kind]


def _legend_width(ops: set[str]) -> float:
    kernels, numbers = _legend_entries(ops)
    labels = sum(_width(f'k3{kind}{number}') + _LABEL[kind] for kind, number in numbers)
    return 1.05 * len(kernels) + 0.15 + labels


def _legend_entries(ops: set[str]) -> tuple[list[int], list[tuple[str, int]]]:
    """The kernels that occur, and the expansions and numbers of groups."""
    parsed = [_parse(op) for op in ops]
    kernels = {kernel for kernel, _, _ in parsed if kernel}
    return sorted(kernels), sorted({(kind, number) for _, kind, number in parsed if number})


def _rounded(
    axes: Axes, x: float, y: float, width: float, height: float, radius: float, **style
) -> None:
    shape = f'round,pad=0,rounding_size={radius}'
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=shape, **style))


def _parse(op: str) -> tuple[int, str, int]:
    """Kernel, ``'e'`` or ``'g'``, and expansion or groups; zeros for another kind of op."""
    found = re.fullmatch(r'k(\d+)([eg])(\d+)', op)
    return (int(found[1]), found[2], int(found[3])) if found else (0, '', 0)


def _width(op: str) -> float:
    return 0.2 + 0.04 * min(_parse(op)[2] or 6, 8)


def _stage_width(ops: Sequence[str]) -> float:
    return 2 * _PAD + sum(_width(op) + _GAP for op in ops) - (_GAP if ops else 0)


def _lighter(colour: str, number: int) -> tuple[float, float, float]:
    """The colour itself from 6 on (or for none), mixed with white below."""
    share = 1.0 if not number or number >= 6 else 0.3 + 0.07 * number
    red, green, blue = (1 - share + share * int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _caption(architecture: Architecture) -> str:
    """``'4.82 G MAdds at 1088 x 800, 2.06 M parameters, 31.2 ms'``, as far as it knows its cost."""
    cost = architecture.cost or {}
    parts = []
    if 'madds' in cost:
        madds = cost['madds']
        parts.append(f'{madds / 1e9:.2f} G MAdds' if madds >= 1e9 else f'{madds / 1e6:.0f} M MAdds')
        if architecture.input_size:
            parts[0] += f' at {architecture.input_size[1]} x {architecture.input_size[0]}'
        if architecture.output_stride not in (None, 32):
            parts[0] += f' (output stride {architecture.output_stride})'
    if 'params' in cost:
        parts.append(f'{cost["params"] / 1e6:.2f} M parameters')
    if 'latency_ms' in cost:
        parts.append(f'{cost["latency_ms"]:#.3g} ms')
    return ', '.join(parts)
