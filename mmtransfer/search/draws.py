"""Draw architectures of a range of costs, each with the same chance, where costs add up."""

import math
import random
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mmtransfer.cost.additive import AdditiveTable

# A most expensive cost is cut into at most so many units; what rounding moves across a limit is for
# the caller to refuse.
_MOST_UNITS = 20_000


@dataclass(frozen=True)
class CountedDraws:
    """Options whose costs sum to a total of the range, up to rounding; constraints are not looked
    at.

    Costs are counted in units. How many ways there are to spend each total, choice by choice from
    the last, says how likely each option of the first is, and so on.

    Args:
        table: Costs per option.
        low, high: The range of the whole backbone's cost; it reaches into that of the space.
    """

    table: AdditiveTable
    low: float
    high: float

    def __bool__(self) -> bool:
        """Whether there is anything to draw."""
        return bool(self._totals)

    def __call__(self, rng: random.Random) -> dict[str, str]:
        """One option per choice."""
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
        cheapest, most = self.table.bounds()
        low, high = max(self.low, cheapest), min(self.high, most)
        finest = (high - self.table.fixed) / _MOST_UNITS
        return max((high - low) / (8 * len(self.table.entries)), finest, 1e-12)

    @cached_property
    def _window(self) -> tuple[int, int]:
        """First and last total, in units, that an architecture of the range can round to."""
        cheapest, most = self.table.bounds()
        margin = len(self.table.entries) / 2
        low = (max(self.low, cheapest) - self.table.fixed) / self._unit - margin
        high = (min(self.high, most) - self.table.fixed) / self._unit + margin
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
