"""Architectures as pictures of their networks, in the manner of FNA++'s Fig. 4.

A row is a network and a rectangle one of its layers: tall for a large kernel, wide for a large
expansion or for many groups, one colour per kernel. Dashed boxes hold the layers of a stage, and
below them stand its width and stride; stages stand below each other, so that rows compare. Where a
picture would become too wide, equal layers in a row become one rectangle and their number, and what
is still too wide goes on below.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.textpath import TextPath

from mmtransfer.architecture import Architecture
from mmtransfer.report.style import (
    EDGE,
    FAINT,
    INK,
    KERNELS,
    LINE,
    OTHER,
    SMALL,
    TEXT,
    TITLE,
    new_figure,
)
from mmtransfer.seeds import STEM, Network, Node
from mmtransfer.spaces import network

# Lengths in inches: one data unit of the axes is one inch.
_GAP, _PAD, _STAGE_GAP, _MARGIN, _HALF = 0.07, 0.11, 0.12, 0.25, 0.56
_ROW, _TITLE, _LEGEND, _LINE = 1.74, 0.62, 0.62, 0.155
_LARGEST = 14.0  # of a row; a single stage may be wider
_LABEL = 0.33  # around the text of a label in the legend


@dataclass(frozen=True)
class _Box:
    """A rectangle: one layer, or ``times`` equal ones.

    Args:
        label: Lines of its text, ``('K3G32', 'W4S16')``.
        kernel: Of the convolution that is searched.
        number: Expansion or groups.
        times: How many layers it stands for.
        nodes: Name -> inputs, of the nodes that it stands for.
    """

    label: tuple[str, ...]
    kernel: int
    number: int
    times: int = 1
    nodes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def width(self) -> float:
        """More for a larger expansion, for more groups and for a second line of text."""
        return max(0.2 + 0.04 * min(self.number, 8), 0.2 * len(self.label) + 0.02)

    @property
    def height(self) -> float:
        """More for a larger kernel."""
        return 0.44 + 0.07 * min(self.kernel, 7)


@dataclass(frozen=True)
class _Column:
    """A stage of a row, or the stem: its rectangles and what is written below."""

    boxes: tuple[_Box, ...]
    lines: tuple[str, ...]

    @property
    def filled(self) -> float:
        """Width of the rectangles and of what is between them."""
        return sum(box.width for box in self.boxes) + _GAP * max(len(self.boxes) - 1, 0)

    @property
    def width(self) -> float:
        """Of the dashed box around it."""
        return max(2 * _PAD + self.filled, *(text_width(line, 9) + 0.08 for line in self.lines))


def draw(architectures: Sequence[Architecture], titles: Sequence[str] | None = None) -> Figure:
    """The networks of some architectures below each other, the input on the left.

    Strides are those at the architecture's ``output_stride``, 32 where it names none.

    Args:
        architectures: At least one, of any spaces.
        titles: One per architecture.

    Returns:
        A matplotlib figure that belongs to no window.

    Raises:
        ValueError: Nothing to draw, or another number of titles.
        SpaceError: An architecture is not of its space.
    """
    titles = [''] * len(architectures) if titles is None else list(titles)
    if not architectures or len(titles) != len(architectures):
        raise ValueError(
            f'draw needs at least one architecture, and a title of each where they are given; '
            f'received {len(architectures)} architectures, {len(titles)} titles.'
        )
    networks = [network(a, a.output_stride or 32) for a in architectures]
    captions = [_caption(a, n) for a, n in zip(architectures, networks, strict=True)]
    rows = _rows(networks)
    widths = _widths(rows)
    lines = _lines(widths)
    legend = _legend_entries(networks)
    width = max(
        *(_row_width(widths[line]) for line in lines),
        _legend_width(*legend),
        *(text_width(t, TITLE) * 1.15 + text_width(c, TEXT) + 0.4
          for t, c in zip(titles, captions, strict=True)),
    ) + 2 * _MARGIN  # fmt: skip
    height = len(rows) * (_TITLE + _ROW * len(lines)) + _LEGEND + 0.1

    figure = new_figure(width, height, layout='none')
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axes.axis('off')
    top = height
    for row, title, caption in zip(rows, titles, captions, strict=True):
        middle, right = top - 0.36, width - _MARGIN
        axes.text(_MARGIN, middle, title, va='center', fontsize=TITLE, weight='bold', color=INK)
        axes.text(right, middle, caption, ha='right', va='center', fontsize=TEXT, color=FAINT)
        top -= _TITLE
        for line in lines:
            _row(axes, row[line], widths[line], top - _HALF)
            top -= _ROW
    _legend(axes, *legend, 0.3)
    return figure


def to_array(figure: Figure) -> np.ndarray:
    """The figure as (H, W, 3) RGB, 8 bit."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg), 'only figures of draw() become arrays'
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


@lru_cache(maxsize=1024)
def text_width(text: str, size: float) -> float:
    """Inches that a line of text takes in so many points."""
    return TextPath((0, 0), text, size=size).get_extents().width / 72 if text.strip() else 0.0


def _rows(networks: Sequence[Network]) -> list[list[_Column]]:
    """The columns of each network; only as many equal layers are drawn once as the width asks."""
    longest = max(len(stage) for n in networks for stage in n.stages)
    for most in (longest, 16, 12, 8, 6, 4, 2, 1):
        rows = [[_stem(n), *(_stage(nodes, most) for nodes in n.stages)] for n in networks]
        if _row_width(_widths(rows)) <= _LARGEST:
            break
    return rows


def _widths(rows: Sequence[Sequence[_Column]]) -> list[float]:
    """Of the columns, so that the stages of all rows stand below each other."""
    count = max(len(row) for row in rows)
    return [max(row[i].width for row in rows if i < len(row)) for i in range(count)]


def _row_width(widths: Sequence[float]) -> float:
    return sum(widths) + _STAGE_GAP * (len(widths) - 1)


def _lines(widths: Sequence[float]) -> list[slice]:
    """The columns that stand beside each other, as many as fit."""
    starts = [0]
    for i in range(1, len(widths)):
        if _row_width(widths[starts[-1] : i + 1]) > _LARGEST:
            starts.append(i)
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], len(widths)], strict=True)]


def _stem(net: Network) -> _Column:
    seed = net.seed
    box = _Box((f'K{seed.stem_kernel}',), seed.stem_kernel, 1, nodes={STEM: ()})
    pooled = ' and pool' if seed.stem_pool else ''
    lines = (f'stem{pooled}', f'{seed.stem_channels} channels', f'stride {seed.stem_stride}')
    return _Column((box,), lines)


def _stage(nodes: Sequence[Node], most: int) -> _Column:
    """A stage; more than ``most`` equal nodes in a row become one rectangle."""
    if not nodes:
        return _Column((), ('no blocks',))
    boxes: list[_Box] = []
    before = dict(zip(nodes[1:], nodes, strict=False))

    def like(node: Node) -> tuple[Any, ...]:
        follows = node not in before or node.inputs == (before[node].name,)
        return node.op, node.stride, node.in_channels, follows

    for _, same in groupby(nodes, key=like):
        run = list(same)
        once = len(run) > most
        boxes += [_box(run)] if once else [_box([node]) for node in run]
    first = nodes[0]
    lines = [f'{len(nodes)} block{"s" * (len(nodes) > 1)}', f'{first.out_channels} channels']
    if first.stride > 1:
        lines.append(f'stride {first.stride}')
    if first.dilation > 1:
        lines.append(f'dilation {first.dilation}')
    return _Column(tuple(boxes), tuple(lines))


def _box(run: Sequence[Node]) -> _Box:
    """The rectangle of a node, or of several equal ones."""
    op = run[0].op
    kernel, number = op.numbers
    text = op.text.upper()
    plain = f'K{kernel}{op.letter.upper()}{number}'
    lines = (plain, text.removeprefix(plain)) if text.startswith(plain) else (text,)
    label = tuple(line for line in lines if line)
    return _Box(label, kernel, number, len(run), {node.name: node.inputs for node in run})


def _row(axes: Axes, row: Sequence[_Column], widths: Sequence[float], middle: float) -> None:
    """One network, its layers centred at height ``middle``."""
    if not row:
        return
    left, end = _MARGIN, _MARGIN + _row_width(widths[: len(row)])
    placed: list[tuple[_Box, float]] = []
    axes.plot([_MARGIN - 0.12, end + 0.12], [middle] * 2, color=LINE, lw=1.4, zorder=0)
    for column, room in zip(row, widths, strict=False):
        dashes = dict(edgecolor=EDGE, facecolor='white', lw=1.1, ls=(0, (4, 2.5)), zorder=1)
        _rounded(axes, left, middle - _HALF, room, 2 * _HALF, 0.07, **dashes)
        axes.plot([left, left + room], [middle] * 2, color=LINE, lw=1.4, zorder=2)
        x = left + (room - column.filled) / 2
        for box in column.boxes:
            _layer(axes, box, x, middle)
            placed.append((box, x + box.width / 2))
            x += box.width + _GAP
        for number, line in enumerate(column.lines):
            y = middle - _HALF - 0.13 - _LINE * number
            axes.text(
                left + room / 2, y, line, ha='center', va='center', fontsize=TEXT, color=FAINT
            )
        left += room + _STAGE_GAP
    _other_inputs(axes, placed, middle)


def _other_inputs(axes: Axes, placed: Sequence[tuple[_Box, float]], middle: float) -> None:
    """A line above the boxes for every input of a node that is not the node before it; from the
    left edge where it is drawn on an earlier line."""
    edge = _MARGIN - 0.12
    centre = {name: (x, box.height / 2) for box, x in placed for name in box.nodes}
    before, level = '', 0
    for box, x in placed:
        outside = [n for inputs in box.nodes.values() for n in inputs if n not in box.nodes]
        for name in outside if before else ():
            if name == before:
                continue
            start, half = centre.get(name, (edge, 0.0))
            y = middle + _HALF + 0.05 + 0.035 * (level % 3)
            ends = middle + half, y, y, middle + box.height / 2
            axes.plot([start, start, x, x], ends, color=INK, lw=0.9, zorder=2.8)
            level += 1
        before = list(box.nodes)[-1]


def _layer(axes: Axes, box: _Box, x: float, middle: float) -> None:
    """One rectangle with its left edge at x; its text is as large as it fits."""
    face = _lighter(KERNELS.get(box.kernel, OTHER), box.number)
    if box.times > 1:  # another one behind it
        _rounded(axes, x + 0.04, middle - box.height / 2 + 0.04, box.width, box.height, 0.04,
                 facecolor=_lighter(OTHER, 1), lw=0, zorder=2.5)  # fmt: skip
    _rounded(
        axes,
        x,
        middle - box.height / 2,
        box.width,
        box.height,
        0.04,
        facecolor=face,
        lw=0,
        zorder=3,
    )
    room = box.height - 0.06
    size = TEXT * min(1, room / max(text_width(line, TEXT) for line in box.label))
    ink = INK if box.number < 6 else 'white'
    axes.text(x + box.width / 2, middle, '\n'.join(box.label), rotation=90, ha='center',
              va='center', fontsize=size, color=ink, linespacing=1.0, zorder=4)  # fmt: skip
    if box.times > 1:
        axes.text(x + box.width / 2, middle - box.height / 2 - 0.07, f'x {box.times}', ha='center',
                  va='center', fontsize=SMALL, color=INK, zorder=4,
                  bbox=dict(facecolor='white', lw=0, pad=0.6))  # fmt: skip


def _legend(
    axes: Axes, kernels: list[int], numbers: list[tuple[int, str]], notes: str, middle: float
) -> None:
    """What the rectangles mean, for the kernels and expansions that occur."""
    x = _MARGIN
    for kernel in kernels:
        face = KERNELS.get(kernel, OTHER)
        _rounded(axes, x, middle - 0.09, 0.18, 0.18, 0.03, facecolor=face, lw=0)
        axes.text(x + 0.26, middle, f'kernel {kernel}', va='center', fontsize=TEXT, color=INK)
        x += 1.05
    x += 0.15
    for number, text in numbers:
        width = _Box(('',), 3, number).width
        _rounded(axes, x, middle - 0.14, width, 0.28, 0.03, lw=0, facecolor=_lighter(INK, number))
        axes.text(x + width + 0.08, middle, text, va='center', fontsize=TEXT, color=INK)
        x += width + text_width(text, TEXT) + _LABEL
    axes.text(x + 0.1, middle, notes, va='center', fontsize=TEXT, color=INK)


def _legend_width(kernels: list[int], numbers: list[tuple[int, str]], notes: str) -> float:
    labels = sum(
        _Box(('',), 3, number).width + text_width(text, TEXT) + _LABEL for number, text in numbers
    )
    return 1.05 * len(kernels) + 0.25 + labels + text_width(notes, TEXT)


def _legend_entries(
    networks: Iterable[Network],
) -> tuple[list[int], list[tuple[int, str]], str]:
    """The kernels that occur, the expansions and numbers of groups, and what variants mean."""
    networks = list(networks)
    ops = {node.op for net in networks for node in net.nodes}
    lettered = [op for op in ops if op.letter]
    meanings = {(op.letter, op.numbers[1], op.meaning()) for op in lettered}
    return (
        sorted({op.numbers[0] for op in lettered} | {net.seed.stem_kernel for net in networks}),
        [(number, text) for _, number, text in sorted(meanings)],
        ',  '.join(sorted({note for op in ops for note in op.notes()})),
    )


def _rounded(
    axes: Axes, x: float, y: float, width: float, height: float, radius: float, **style
) -> None:
    shape = f'round,pad=0,rounding_size={radius}'
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=shape, **style))


def _lighter(colour: str, number: int) -> tuple[float, float, float]:
    """The colour itself from 6 on, mixed with white below."""
    share = 1.0 if number >= 6 else 0.3 + 0.07 * number
    red, green, blue = (1 - share + share * int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _caption(architecture: Architecture, net: Network) -> str:
    """``'MBConv blocks, 4.82 G MAdds at 1088 x 800, 2.06 M parameters, 31.2 ms'``, as far as it
    knows its cost."""
    cost = architecture.cost or {}
    parts = [f'{net.seed.kind.label} blocks']
    if 'madds' in cost:
        madds = cost['madds']
        parts.append(f'{madds / 1e9:.2f} G MAdds' if madds >= 1e9 else f'{madds / 1e6:.0f} M MAdds')
        if architecture.input_size:
            parts[-1] += f' at {architecture.input_size[1]} x {architecture.input_size[0]}'
        if architecture.output_stride not in (None, 32):
            parts[-1] += f' (output stride {architecture.output_stride})'
    if 'params' in cost:
        parts.append(f'{cost["params"] / 1e6:.2f} M parameters')
    if 'latency_ms' in cost:
        parts.append(f'{cost["latency_ms"]:#.3g} ms')
    return ', '.join(parts)
