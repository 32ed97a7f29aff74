"""What a derived backbone is to cost: the costs that configs write, and the numbers that they
stand for.

``searcher.target`` and ``searcher.maximum`` are a number above 1 in the unit of the metric,
``'seed'`` for what the architecture nearest to the seed costs, or a share of that, a number up to
1. The target of a cost term is one of these too, or ``'searcher'`` for that of the searcher.
Searchers and regularisers are built with numbers, so none of them knows of this.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmtransfer.cost.metrics import say
from mmtransfer.cost.table import CostTable
from mmtransfer.spaces import closest_to_seed

_COSTS = ('target', 'maximum')  # the arguments of searchers that are costs


class TargetError(ValueError):
    """A cost target that no architecture of the space can reach."""


@dataclass(frozen=True)
class Target:
    """What the derived backbone is to cost.

    Args:
        cost: The whole backbone's cost, in the unit of the cost table: multiply-adds, parameters or
            milliseconds.
        tolerance: How far from it the derived architecture may end, relative.
    """

    cost: float
    tolerance: float = 0.02

    def __post_init__(self) -> None:
        if not isinstance(self.cost, int | float) or not math.isfinite(self.cost):
            raise ValueError(f'a cost target must be a finite number; received {self.cost!r}.')
        if not self.tolerance > 0:
            raise ValueError(
                f'the tolerance of a target must be positive; received {self.tolerance}.'
            )

    def check(self, table: CostTable) -> None:
        """Raise ``TargetError`` when the target lies outside what the space can reach."""
        low, high = table.bounds()
        if not low <= self.cost <= high:
            raise TargetError(
                f'the cost target must lie between the cheapest and the most expensive backbone of '
                f'the space, {say(table.metric, low)} and {say(table.metric, high)}; received '
                f'{say(table.metric, self.cost)}. Choose a target in that range, such as '
                f"'seed', or change the space (kernels, expansions, layers, min_layers, "
                f'max_blocks).'
            )

    def miss(self, cost: float) -> float:
        """How far a cost is from the target, relative and signed."""
        return cost / self.cost - 1.0


def cost_in_units(cost: float | str, table: CostTable, name: str = 'a target') -> float:
    """The number that a cost stands for.

    Args:
        cost: A number in the unit of the table; ``'seed'``; or a share of the seed's cost, in
            (0, 1]. Numbers that are none of these are returned as they are: what can be reached
            is for those to say who use them.
        table: The costs of the space.
        name: What it is, for the message.

    Raises:
        TargetError: It is not a finite number, or another text than ``'seed'``.
    """
    number = isinstance(cost, int | float) and not isinstance(cost, bool) and math.isfinite(cost)
    if not number and cost != 'seed':
        raise TargetError(
            f'{name} must be a finite number in the unit of the metric ({table.metric}), '
            f"'seed' for the seed's own cost, or a share of it up to 1, such as 0.6; received "
            f'{cost!r}.'
        )
    if number and not 0 < cost <= 1:  # type: ignore[operator]
        return cost  # type: ignore[return-value]
    whole = table.of(closest_to_seed(table.space))
    return whole if cost == 'seed' else cost * whole  # type: ignore[operator]


def searcher_in_units(searcher: Mapping[str, Any], table: CostTable) -> dict[str, Any]:
    """The config of a searcher with numbers for its costs; see ``cost_in_units``."""
    given = {key: searcher[key] for key in _COSTS if searcher.get(key) is not None}
    costs = {k: cost_in_units(cost, table, f'searcher.{k}') for k, cost in given.items()}
    return {**searcher, **costs}
