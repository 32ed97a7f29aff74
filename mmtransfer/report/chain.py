"""Networks of every size that a greedy search found: as a table (block allocation, Table 2) and as
pictures, metric against cost, and accuracy on the target against that on the source (Fig. 1)."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmtransfer.report.style import COLOURS, INK, LEGEND, PALE, SMALL, new_figure, tidy
from mmtransfer.report.tables import markdown_table

# Metrics of Table 2 as evaluators name them: the end of the name -> the column.
_BY_SIZE = {'mAP_s': 'AP small', 'mAP_m': 'AP medium', 'mAP_l': 'AP large'}


@dataclass(frozen=True)
class Member:
    """One network of a chain.

    Args:
        label: Its allocation, such as ``'[1, 3, 7, 5]'``.
        size: Its number of blocks, or what stands for it in another space.
        cost: In the unit of the axis.
        score: By which it was chosen; NaN where there was none.
        metrics: All that its evaluation said.
        rivals: (cost, score) of the other candidates of its step.
    """

    label: str
    size: int
    cost: float
    score: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    rivals: tuple[tuple[float, float], ...] = ()


def bracketed(options: Iterable[str]) -> str:
    """The options of an architecture as pictures and tables name it: ``[1, 3, 7, 5]``."""
    return f'[{", ".join(options)}]'


def read_chain(folder: str | Path, cost: str = 'madds', scale: float = 1e9) -> list[Member]:
    """The chain that a greedy search has left in its work directory, without the rivals.

    Args:
        folder: It holds ``chain.json``.
        cost: Name of the cost there: ``'madds'``, ``'params'`` or ``'latency_ms'``.
        scale: What a unit of ``Member.cost`` is.

    Raises:
        ValueError: There is no chain, or it has no such cost.
    """
    entries = _entries(folder)
    if cost not in entries[0]['cost']:
        raise ValueError(
            f'the cost must be one that {Path(folder) / "chain.json"} has, '
            f'{", ".join(entries[0]["cost"])}; received {cost!r}.'
        )
    return [
        Member(
            bracketed(e['options']),
            e['size'],
            e['cost'][cost] / scale,
            math.nan if e['score'] is None else e['score'],
            e['metrics'],
        )
        for e in entries
    ]


def chain_metric(folder: str | Path) -> str:
    """Name of the score by which the chain in a work directory was chosen.

    Raises:
        ValueError: There is no chain.
    """
    return _entries(folder)[0].get('metric', 'score')


def _entries(folder: str | Path) -> list[dict[str, Any]]:
    file = Path(folder) / 'chain.json'
    if not file.exists():
        raise ValueError(
            f'{folder} must be the work directory of a finished greedy search; it has no '
            f'chain.json.'
        )
    return json.loads(file.read_text())


def chain_table(members: Sequence[Member], metric: str, cost: str) -> str:
    """A Markdown table, one row per network, with AP by object size where it was measured.

    Args:
        members: In the order of their size.
        metric: Name of the score.
        cost: Name and unit of the cost.
    """
    by_size = [
        (title, name)
        for end, title in _BY_SIZE.items()
        for name in dict.fromkeys(n for m in members for n in m.metrics)
        if name.endswith(end)
    ]
    kinds = {name.removesuffix(name.split('_')[-1]) for _, name in by_size}  # of boxes, of masks
    titles = [title if len(kinds) == 1 else f'{title} ({name})' for title, name in by_size]
    header = ['allocation', 'size', cost, metric, *titles]
    rows = [
        [
            m.label,
            str(m.size),
            f'{m.cost:.4g}',
            _number(m.score),
            # COCO's -1: there are no objects of this size.
            *(_number(m.metrics.get(name, -1.0), least=0.0) for _, name in by_size),
        ]
        for m in members
    ]
    return markdown_table(header, rows)


def draw_chain(members: Sequence[Member], metric: str, cost: str) -> Figure:
    """Score against cost: the chain as a line, the candidates that were not kept as faint dots.

    Args:
        members: In the order of their size; at least one.
        metric: Name of the score, for its axis.
        cost: Name and unit of the cost.

    Returns:
        A matplotlib figure that belongs to no window.
    """
    figure, axes = _axes(cost, metric)
    rivals = [point for m in members for point in m.rivals if math.isfinite(point[1])]
    if rivals:
        xs, ys = zip(*rivals, strict=True)
        axes.scatter(xs, ys, s=16, color=PALE, label='not kept', zorder=2)
    shown = [m for m in members if math.isfinite(m.score)]
    points = [(m.cost, m.score) for m in shown]
    if points:
        axes.plot(
            *zip(*points, strict=True), color=COLOURS[1], lw=1.8, marker='o', ms=5, label='kept',
            zorder=3,
        )  # fmt: skip
    every = max(1, math.ceil(len(shown) / 6))
    for number, m in enumerate(reversed(shown)):  # the last one in any case
        if number % every == 0:
            before = shown[max(0, len(shown) - number - 2)]
            above = m.score >= before.score  # the line comes from the other side
            axes.annotate(
                m.label, (m.cost, m.score), xytext=(-6, 4 if above else -4),
                textcoords='offset points', fontsize=SMALL, color=INK, ha='right',
                va='bottom' if above else 'top', zorder=4,
            )  # fmt: skip
    axes.set_xmargin(0.02)
    low, high = axes.get_xlim()
    axes.set_xlim(low - 0.16 * (high - low), high)  # room for the first label
    axes.set_ymargin(0.1)
    axes.legend(loc='lower right', **LEGEND)
    return figure


def draw_chains(chains: Mapping[str, Sequence[Member]], metric: str, cost: str) -> Figure:
    """Score against cost of several chains, such as those of runs with different random seeds.

    Args:
        chains: Title -> members in the order of their size.
        metric: Name of the score, for its axis.
        cost: Name and unit of the cost.

    Returns:
        A matplotlib figure that belongs to no window.
    """
    figure, axes = _axes(cost, metric)
    for colour, (title, members) in zip(cycle(COLOURS), chains.items(), strict=False):
        shown = [m for m in members if math.isfinite(m.score)]
        axes.plot(
            [m.cost for m in shown], [m.score for m in shown], color=colour, lw=1.8, marker='o',
            ms=5, label=f'{title}: to {members[-1].label}',
        )  # fmt: skip
    axes.margins(0.06, 0.1)
    axes.legend(loc='lower right', **LEGEND)
    return figure


def draw_transfer(
    points: Mapping[str, tuple[float, float]], source: str, target: str, named: int = 8
) -> Figure:
    """Networks by their score on the source and on the target (block allocation, Fig. 1).

    Args:
        points: Label -> (score on the source, score on the target), the best on the target first.
        source, target: Titles of the axes.
        named: So many of the first points carry their label.

    Returns:
        A matplotlib figure that belongs to no window.

    Raises:
        ValueError: There is no point whose scores are finite.
    """
    finite = {k: p for k, p in points.items() if all(map(math.isfinite, p))}
    if not finite:
        raise ValueError(
            'a picture of source against target needs at least one network with a score on both; '
            f'received {len(points)} networks, none with two finite scores. Rank the same '
            f'networks for both.'
        )
    figure, axes = _axes(source, target)
    xs, ys = zip(*finite.values(), strict=True)
    axes.scatter(xs, ys, s=26, color=COLOURS[1], alpha=0.85, zorder=3)
    for number, (label, (x, y)) in enumerate(finite.items()):
        if number < named:
            _label(axes, label, x, y, number)
    axes.margins(0.12)
    return figure


def _axes(x: str, y: str) -> tuple[Figure, Axes]:
    figure = new_figure(7.2, 4.8)
    axes = figure.subplots()
    tidy(axes, x, y)
    return figure, axes


def _label(axes: Axes, text: str, x: float, y: float, number: int) -> None:
    above = number % 2 == 0
    axes.annotate(
        text, (x, y), xytext=(0, 8 if above else -8), textcoords='offset points', fontsize=SMALL,
        color=INK, ha='center', va='bottom' if above else 'top', zorder=4,
    )  # fmt: skip


def _number(value: float, least: float = -math.inf) -> str:
    return f'{value:.4f}' if math.isfinite(value) and value >= least else '-'
