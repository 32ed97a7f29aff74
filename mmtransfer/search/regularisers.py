"""Terms added to the task loss. A regulariser is a function of a :class:`Step` and returns a
scalar.

``acts_in`` names the kinds of step it takes part in, ``name`` the key under which it is logged.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from mmtransfer.cost.table import CostTable
from mmtransfer.registry import REGULARISERS
from mmtransfer.search.target import Target


@dataclass(frozen=True)
class Step:
    """What a regulariser may look at.

    Args:
        kind: ``'weights'`` or ``'arch'``.
        iteration: The loop's iteration, from 0.
        supernet: The backbone that is searched.
        table: The cost of its options.
    """

    kind: str
    iteration: int
    supernet: Any
    table: CostTable


class Regulariser(Protocol):
    """Anything the loop can add to the loss."""

    name: str
    acts_in: tuple[str, ...]

    def check(self, table: CostTable) -> None:
        """Raise ValueError unless the term makes sense for these costs."""

    def __call__(self, step: Step) -> Tensor: ...


@REGULARISERS.register_module()
class CostTerm:
    """The cost term of FNA++ (Eq. 8 and 9): ``factor * log10(expected cost of the searched
    layers)``.

    With a target the term is ``factor * |log10(expected backbone cost / target)|``: it pulls from
    both sides and vanishes at the target.

    Args:
        factor: The weight lambda of the term. Its unit is that of the task loss.
        target: The whole backbone's cost to aim at, in the unit of the cost table.
    """

    name = 'cost_term'
    acts_in = ('arch',)

    def __init__(self, factor: float, target: float | None = None) -> None:
        if not factor >= 0:
            raise ValueError(
                f'the factor of the cost term must not be negative; received {factor}.'
            )
        self.factor = factor
        self.target = target

    def check(self, table: CostTable) -> None:
        """Raise TargetError when there is a target that no backbone of the space can reach."""
        if self.target is not None:
            Target(self.target).check(table)

    def __call__(self, step: Step) -> Tensor:
        """A scalar that carries gradients to the architecture parameters."""
        cost = step.table.expected(step.supernet.probabilities())
        if self.target is None:
            return self.factor * torch.log10(cost)
        return self.factor * torch.log10((cost + step.table.fixed) / self.target).abs()
