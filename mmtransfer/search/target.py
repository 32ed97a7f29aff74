"""What a derived backbone is to cost."""

import math
from dataclasses import dataclass

from mmtransfer.cost.metrics import say
from mmtransfer.cost.table import CostTable


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
        """Raise :class:`TargetError` when the target lies outside what the space can reach."""
        low, high = table.bounds()
        if not low <= self.cost <= high:
            raise TargetError(
                f'the cost target must lie between the cheapest and the dearest backbone of the '
                f'space, {say(table.metric, low)} and {say(table.metric, high)}; received '
                f'{say(table.metric, self.cost)}. Choose a target in that range, or change the '
                f'space (kernels, expansions, layers, min_layers, max_blocks).'
            )

    def miss(self, cost: float) -> float:
        """How far a cost is from the target, relative and signed."""
        return cost / self.cost - 1.0
