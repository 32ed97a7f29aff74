"""Architectures whose cost lies between two limits: is it one, and draw one."""

import math
import random
from dataclasses import dataclass
from functools import cached_property

from mmtransfer.architecture import Architecture
from mmtransfer.cost.additive import AdditiveTable
from mmtransfer.cost.metrics import say
from mmtransfer.cost.table import CostTable
from mmtransfer.search.draws import CountedDraws
from mmtransfer.search.target import Target, TargetError

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
        cheapest, most = self.table.bounds()
        if self.low > most or self.high < cheapest:
            raise TargetError(
                f'the bound on the cost must reach into the space, whose backbones cost '
                f'{self._say(cheapest)} to {self._say(most)}; received {self._say(self.low)} to '
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

        Where costs add up, draws aim at the range; elsewhere they are those of the space. A draw
        that the constraints of the space or the exact cost exclude is drawn again.

        Raises:
            TargetError: Nothing in the range was found.
        """
        space = self.table.space
        if self.low == -math.inf and self.high == math.inf:
            return space.sample(rng)
        draws = self._draws
        for _ in range(_MAX_DRAWS if draws is None or draws else 0):
            found = space.sample(rng) if draws is None else self._valid(draws(rng))
            if found is not None and self.holds(found):
                return found
        raise TargetError(
            f'no architecture of the space was found that costs {self._say(self.low)} to '
            f'{self._say(self.high)}: its options are too coarse around this cost, or constraints '
            f'exclude it. Widen the tolerance, or choose another target.'
        )

    @cached_property
    def _draws(self) -> CountedDraws | None:
        if not isinstance(self.table, AdditiveTable):
            return None
        return CountedDraws(self.table, self.low, self.high)

    def _valid(self, options: dict[str, str]) -> Architecture | None:
        space = self.table.space
        broken = any(c.violated(options) for c in space.constraints)
        return None if broken else space.architecture(options)

    def _say(self, cost: float) -> str:
        return say(self.table.metric, cost)
