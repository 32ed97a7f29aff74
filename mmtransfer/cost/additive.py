"""A cost table whose options' costs add up, and who asks for that."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mmtransfer.architecture import Architecture
from mmtransfer.cost.formulas import Size
from mmtransfer.seeds import SKIP
from mmtransfer.space import SearchSpace

if TYPE_CHECKING:
    from torch import Tensor

    from mmtransfer.cost.table import CostTable


@dataclass(frozen=True)
class AdditiveTable:
    """A ``mmtransfer.cost.CostTable`` whose options' costs add up: exact integers where they
    are counted, milliseconds where measured.

    Choices are independent: no option changes the widths of a stage and the first layer of a stage
    is never skipped, so what reaches a layer does not depend on what was chosen before it.

    Args:
        space: The space.
        input_size: (H, W) of the image.
        metric: Name of one of ``mmtransfer.cost.metrics.METRICS``.
        fixed: Cost of what is not searched: the stem and the first stage.
        entries: Choice name -> option -> cost, in the space's order; skipping costs 0.
        output_stride: Of the backbone: 8, 16 or 32.
        in_channels: Of the images.
    """

    space: SearchSpace
    input_size: Size
    metric: str
    fixed: float
    entries: Mapping[str, Mapping[str, float]]
    output_stride: int = 32
    in_channels: int = 3
    _vectors: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def of(self, architecture: Architecture) -> float:
        """Cost of the whole backbone with this architecture.

        Raises:
            SpaceError: It is not of the table's space.
        """
        return self.fixed + self.searched(architecture)

    def searched(self, architecture: Architecture) -> float:
        """Cost of its searched layers alone, those that are left once skips are dropped."""
        self.space.check(architecture)
        live = ((name, option) for name, option in architecture.options if option != SKIP)
        return sum(self.entries[name][option] for name, option in live)

    def expected(self, probabilities: 'Mapping[str, Tensor]') -> 'Tensor':
        """Expected cost of the searched layers (FNA++, Eq. 9), differentiable.

        Where a choice is how many blocks S a stage keeps, the sum over S of P(S) times the cost of
        S blocks is that of P(S >= i) times the cost of block i.

        Args:
            probabilities: Per choice a tensor with one probability per option, in their order.

        Returns:
            A scalar of the probabilities' dtype; the sum itself runs in float64.

        Raises:
            ValueError: A choice is missing or its tensor has another length.
        """
        import torch

        for name, costs in self.entries.items():
            if name not in probabilities or probabilities[name].shape != (len(costs),):
                received = probabilities.get(name)
                raise ValueError(
                    f'{name!r} needs {len(costs)} probabilities, one per option '
                    f'({", ".join(costs)}); received '
                    f'{"none" if received is None else tuple(received.shape)}. Take them from a '
                    f'supernet of the same space as the table.'
                )
        p = torch.cat([probabilities[name] for name in self.entries])
        if p.device not in self._vectors:
            flat = [cost for options in self.entries.values() for cost in options.values()]
            self._vectors[p.device] = torch.tensor(flat, dtype=torch.float64, device=p.device)
        return torch.dot(p.double(), self._vectors[p.device]).to(p.dtype)

    def bounds(self) -> tuple[float, float]:
        """Cost of the cheapest and of the most expensive valid backbone."""
        return self._bounds

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        totals = [self._costs_of(names) for names in self._tied_choices()]
        low, high = sum(min(t) for t in totals), sum(max(t) for t in totals)
        return self.fixed + low, self.fixed + high

    def _tied_choices(self) -> list[set[str]]:
        """The choices in groups that no constraint connects."""
        groups = [{name} for name in self.entries]
        for constraint in self.space.constraints:
            tied = [group for group in groups if group & set(constraint.choices)]
            groups = [group for group in groups if group not in tied] + [set().union(*tied)]
        return groups

    def _costs_of(self, names: set[str]) -> list[float]:
        """Costs of the valid combinations of some choices, the extreme ones among them.

        Constraints tell skipped from kept and nothing more, so of the options that keep a layer the
        cheapest and the most expensive are enough.
        """
        constraints = [c for c in self.space.constraints if names & set(c.choices)]
        pairs = ([(name, option) for option in self._extremes(name)] for name in names)
        return [
            sum(self.entries[name][option] for name, option in chosen)
            for chosen in itertools.product(*pairs)
            if not any(c.violated(dict(chosen)) for c in constraints)
        ]

    def _extremes(self, name: str) -> set[str]:
        costs = self.entries[name]
        kept = [option for option in costs if option != SKIP]
        extremes = {min(kept, key=costs.__getitem__), max(kept, key=costs.__getitem__)}
        return extremes | (set(costs) & {SKIP})


def need_additive(table: 'CostTable', what: str, instead: str) -> AdditiveTable:
    """The same table, for what is right only where the costs of options add up.

    Args:
        table: Any.
        what: Who asks, for the message.
        instead: What to do where they do not.

    Raises:
        ValueError: They do not.
    """
    if not isinstance(table, AdditiveTable):
        raise ValueError(
            f'{what} needs costs that add up over the choices, an AdditiveTable; received a '
            f'{type(table).__name__} of {table.metric} for the {table.space.name} space of '
            f'{table.space.seed}. {instead}'
        )
    return table
