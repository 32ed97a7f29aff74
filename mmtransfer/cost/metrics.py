"""What a search may count: a metric is one value, and this dict holds them all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmtransfer.cost.formulas import Size, node_madds, node_params, stem_madds, stem_params
from mmtransfer.seeds import Node, Seed

if TYPE_CHECKING:
    from torch import nn

    from mmtransfer.cost.table import CostTable


@dataclass(frozen=True)
class Metric:
    """What is counted or measured of a network, and how its values are shown.

    Counted is what follows from the nodes of a network one by one: ``node`` and ``fixed`` say how.
    Anything else makes a table of its own.

    Args:
        key: The cost's name in an architecture file.
        suffix: Ends the names in a log, after ``expected_cost_`` and ``derived_cost_``.
        scale: The suffix's size in the table's own unit.
        text: How a cost reads; takes the number.
        node: (node, (H, W) of its input) -> its cost.
        fixed: (seed, (H, W) of the image) -> cost of the stem.
        table: Instead: (space, (H, W) of the image, output stride, channels of the image, what the
            search config has as ``latency_table``) -> the table.
        module: (module of a model, its output) -> cost of one call without the module's children,
            for ``tools/get_cost.py``, which shows no other metric beside the first two.

    Raises:
        ValueError: It is neither counted nor has it a table, or both.
    """

    key: str
    suffix: str
    scale: float
    text: str
    node: 'Callable[[Node, Size], float] | None' = None
    fixed: 'Callable[[Seed, Size], float] | None' = None
    table: 'Callable[..., CostTable] | None' = None
    module: 'Callable[[nn.Module, Any], float] | None' = None

    def __post_init__(self) -> None:
        if {self.node is None, self.fixed is None} != {self.table is not None}:
            raise ValueError(
                f'a metric must have node and fixed, or else table; {self.key!r} has node='
                f'{self.node}, fixed={self.fixed} and table={self.table}. Give one or the other.'
            )


def _measured(space: Any, size: Size, output_stride: int, in_channels: int, source: Any) -> Any:
    from mmtransfer.cost.latency import asked_latency  # here alone torch is needed

    return asked_latency(space, size, output_stride, in_channels, source)


# Name in a search config -> what it stands for. Add your own: METRICS['name'] = Metric(...).
METRICS = {
    'madds': Metric('madds', 'G', 1e9, '{:,.0f} multiply-adds', node=node_madds, fixed=stem_madds),
    'params': Metric(
        'params',
        'M',
        1e6,
        '{:,.0f} parameters',
        node=lambda node, size: node_params(node),
        fixed=lambda seed, size: stem_params(seed),
    ),
    'latency': Metric('latency_ms', 'ms', 1.0, '{:,.4g} ms', table=_measured),
}


def counted_metrics() -> tuple[str, ...]:
    """The names of those that follow from the nodes of a network."""
    return tuple(name for name, metric in METRICS.items() if metric.node is not None)


def say(metric: str, cost: float) -> str:
    """A cost in words: ``'4,847,148,800 multiply-adds'``, ``'12.34 ms'``."""
    return METRICS[metric].text.format(cost)
