"""Architectures whose cost lies between two limits: is it one, and draw one."""

import math
import random
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mmtransfer.architecture import Architecture
from mmtransfer.cost.metrics import say
from mmtransfer.cost.table import CostTable
from mmtransfer.search.target import Target, TargetError

# A dearest cost is cut into at most so many units; what rounding moves across a limit is refused.
_MOST_UNITS = 20_000
_MAX_DRAWS = 5_000


@dataclass(frozen=True)
class CostBound:
    """A range of costs of the whole backbone, both ends included.

    Args:
        table: Costs per option.
        low, high: The range, in the unit of the table; infinite where there is no limit.

    Raises:
        TargetError: No backbone of the space can lie in the range.
    """

    table: CostTable
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        cheapest, dearest = self.table.bounds()
        if self.low > dearest or self.high < cheapest:
            raise TargetError(
                f'the bound on the cost must reach into the space, whose backbones cost '
                f'{self._say(cheapest)} to {self._say(dearest)}; received {self._say(self.low)} to '
                f'{self._say(self.high)}. Choose another bound, or change the space '
                f'(kernels, expansions, layers).'
            )

    @classmethod
    def around(
        cls,
        table: CostTable,
        target: float | None = None,
        tolerance: float = 0.02,
        maximum: float | None = None,
    ) -> 'CostBound':
        """``[target * (1 - tolerance), target * (1 + tolerance)]``, or all up to a maximum.

        Raises:
            TargetError: The target or the maximum lies outside what the space can reach.
            ValueError: Both are given, or the tolerance is not positive.
        """
        if target is not None and maximum is not None:
            raise ValueError(
                f'a bound is a target or a maximum, not both; received target={target} and '
                f'maximum={maximum}. Leave one out.'
            )
        if target is None:
            return cls(table, high=math.inf if maximum is None else maximum)
        Target(target, tolerance).check(table)
        return cls(table, target * (1 - tolerance), target * (1 + tolerance))

    def holds(self, architecture: Architecture) -> bool:
        """Whether the exact cost of this architecture lies in the range."""
        return self.low <= self.table.of(architecture) <= self.high

    def sample(self, rng: random.Random) -> Architecture:
        """A valid architecture in the range, each with the same chance (up to rounding of costs).

        Costs are counted in units. How many ways there are to spend each total, choice by choice
        from the last, says how likely each option of the first is, and so on; a draw that the
        constraints of the space or the exact cost exclude is drawn again.

        Raises:
            TargetError: Nothing in the range was found.
        """
        space = self.table.space
        if self.low == -math.inf and self.high == math.inf:
            return space.sample(rng)
        for _ in range(_MAX_DRAWS if self._totals else 0):
            options = self._draw(rng)
            if any(c.violated(options) for c in space.constraints):
                continue
            found = space.architecture(options)
            if self.holds(found):
                return found
        raise TargetError(
            f'no architecture of the space was found that costs {self._say(self.low)} to '
            f'{self._say(self.high)}: its options are too coarse around this cost, or constraints '
            f'exclude it. Widen the tolerance, or choose another target.'
        )

    def _say(self, cost: float) -> str:
        return say(self.table.metric, cost)

    def _draw(self, rng: random.Random) -> dict[str, str]:
        units, ways = self._ways
        left = rng.choices(self._totals, [ways[0][total] for total in self._totals])[0]
        chosen = {}
        for number, (name, costs) in enumerate(units.items(), 1):
            weights = [ways[number][left - c] if c <= left else 0.0 for c in costs.values()]
            chosen[name] = rng.choices(list(costs), weights)[0]
            left -= costs[chosen[name]]
        return chosen

    @cached_property
    def _unit(self) -> float:
        cheapest, dearest = self.table.bounds()
        low, high = max(self.low, cheapest), min(self.high, dearest)
        finest = (high - self.table.fixed) / _MOST_UNITS
        return max((high - low) / (8 * len(self.table.entries)), finest, 1e-12)

    @cached_property
    def _window(self) -> tuple[int, int]:
        """First and last total, in units, that an architecture of the range can round to."""
        cheapest, dearest = self.table.bounds()
        margin = len(self.table.entries) / 2
        low = (max(self.low, cheapest) - self.table.fixed) / self._unit - margin
        high = (min(self.high, dearest) - self.table.fixed) / self._unit + margin
        return max(0, math.floor(low)), math.ceil(high)

    @cached_property
    def _ways(self) -> tuple[dict[str, dict[str, int]], list[np.ndarray]]:
        """Costs in units, and per choice in how many ways it and the later ones spend a total."""
        units = {
            name: {option: round(cost / self._unit) for option, cost in costs.items()}
            for name, costs in self.table.entries.items()
        }
        size = self._window[1] + 1
        last = np.zeros(size)
        last[0] = 1.0
        ways = [last]
        for costs in reversed(units.values()):
            new = np.zeros(size)
            for cost in costs.values():
                if cost < size:
                    new[cost:] += ways[-1][: size - cost]
            ways.append(new)
        return units, ways[::-1]

    @cached_property
    def _totals(self) -> list[int]:
        low, high = self._window
        return [total for total in range(low, high + 1) if self._ways[1][0][total] > 0]
