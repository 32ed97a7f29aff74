"""Terms added to the task loss. A regulariser is a function of a ``Step``.

They act in searches and in ordinary trainings (``SeededTrainLoop(regularisers=[...])``), where
every step is one of kind ``'weights'``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from mmtransfer.cost.table import CostTable
from mmtransfer.models import Supernet
from mmtransfer.registry import REGULARISERS, is_a
from mmtransfer.search.target import Target, TargetError, cost_in_units


@dataclass(frozen=True)
class Step:
    """What a regulariser may look at.

    Args:
        kind: ``'weights'``, ``'arch'`` or ``'joint'``.
        iteration: The loop's iteration, from 0.
        supernet: The backbone that is searched; None in an ordinary training.
        table: The cost of its options; None in an ordinary training.
        batch: As the loader gave it, before the model's preprocessor.
        records: What the regularisers of this step have asked for, by name; see
            ``mmtransfer.search.recording.recording``. It is let go after the step.
    """

    kind: str
    iteration: int
    supernet: Supernet | None = None
    table: CostTable | None = None
    batch: Any = None
    records: Mapping[str, Tensor] = field(default_factory=dict)


class Regulariser(Protocol):
    """Anything a loop can add to the loss.

    Attributes:
        name: Under which its value is logged.
        acts_in: The kinds of step it takes part in.
        records: What it wants to see of the backbone: ``('input', 'stages.2.1')``, or ``'all'`` for
            the input and every node.
    """

    name: str
    acts_in: Sequence[str]
    records: str | Sequence[str] = ()

    def check(self, table: CostTable | None) -> None:
        """Raise ValueError unless the term makes sense for these costs; None: an ordinary
        training."""
        return

    def __call__(self, step: Step) -> Tensor | Mapping[str, Tensor]:
        """A scalar; or several by the names under which they are logged, all of them added."""
        ...


@REGULARISERS.register_module()
class CostTerm(Regulariser):
    """The cost term of FNA++ (Eq. 8 and 9): ``factor * log10(expected cost of the searched
    layers)``.

    With a target the term is ``factor * |log10(expected backbone cost / target)|``: it pulls from
    both sides and vanishes at the target.

    Args:
        factor: The weight lambda of the term. Its unit is that of the task loss.
        target: The whole backbone's cost to aim at, in the unit of the cost table.
    """

    name = 'cost_term'
    acts_in = ('arch', 'joint')

    def __init__(self, factor: float, target: float | None = None) -> None:
        if not factor >= 0:
            raise ValueError(
                f'the factor of the cost term must not be negative; received {factor}.'
            )
        self.factor = factor
        self.target = target

    def check(self, table: CostTable | None) -> None:
        """Raise TargetError when there is a target that no backbone of the space can reach."""
        if table is None:
            raise ValueError(
                'a CostTerm acts on the architecture parameters of a search; this training has '
                'none. Remove it from train_cfg.regularisers.'
            )
        if self.target is not None:
            Target(self.target).check(table)

    def __call__(self, step: Step) -> Tensor:
        """A scalar that carries gradients to the architecture parameters."""
        assert step.table is not None and step.supernet is not None
        cost = step.table.expected(step.supernet.probabilities())
        if self.target is None:
            return self.factor * torch.log10(cost)
        return self.factor * torch.log10((cost + step.table.fixed) / self.target).abs()


def terms_in_units(
    regularisers: Sequence[Mapping[str, Any]], table: CostTable, target: float | None
) -> list[dict[str, Any]]:
    """The configs of regularisers with numbers for the targets of cost terms.

    Args:
        regularisers: As the search config has them.
        table: The costs of the space.
        target: The searcher's, for terms that say ``'searcher'``.

    Raises:
        TargetError: A term asks for the searcher's target, and it has none; or as
            ``cost_in_units``.
    """
    return [
        {**term, 'target': _target_of(term, table, target)}
        if term.get('target') is not None and is_a(term, CostTerm, REGULARISERS, 'mmtransfer')
        else dict(term)
        for term in regularisers
    ]


def _target_of(term: Mapping[str, Any], table: CostTable, target: float | None) -> float:
    if term['target'] != 'searcher':
        return cost_in_units(term['target'], table, 'the target of a cost term')
    if target is None:
        raise TargetError(
            "a cost term with target='searcher' takes the target of the searcher, which has none. "
            "Set searcher.target, or leave the term's target out: it then lowers any cost."
        )
    return target
