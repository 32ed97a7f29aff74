"""A supernet of every candidate of every layer, one after the other."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial, reduce
from itertools import groupby
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from mmtransfer.backbones.selection import MIXTURE
from mmtransfer.backbones.settings import Settings
from mmtransfer.backbones.supernet import StagedSupernet
from mmtransfer.blocks import recompute
from mmtransfer.seeds import SKIP, Node
from mmtransfer.space import Choice, SearchSpace, SpaceError
from mmtransfer.spaces import space_stages

# A candidate (None: skip) and its weight in the sum (None: it runs alone).
Term = tuple[nn.Module | None, Tensor | None]


class Candidates(nn.ModuleDict):
    """The candidates of a layer. What they return together passes through here, where hooks see it
    as the layer's output."""

    def forward(self, run: Callable[[Tensor], Any], x: Tensor) -> Any:
        """What ``run`` makes of ``x`` by some of the candidates."""
        return run(x)


class LayerwiseSupernet(StagedSupernet):
    """All architectures of a space whose choices are the ops of layers (FNA++, Sec. 3.2.1).

    ``forward`` returns features and nothing else; what runs is the ``selection``: one architecture,
    or the mixture of all candidates (Eq. 7), ``sum_o softmax(logits / temperature)_o * o(x)``.
    ``logits`` holds one vector per choice of the space, in the space's order.

    Args:
        space: Of a kind that names its choices after the layers, as ``space_stages`` asks.
        temperature: Divides the logits, positive.
        expand_indices: The stages whose first layer's expansion is returned as well, before the
            features of ``out_indices``; its candidates must all expand alike (SSDLite).
        **settings: What all backbones share, see ``mmtransfer.backbones.Settings``.
    """

    def __init__(
        self,
        space: SearchSpace,
        /,
        *,
        temperature: float = 1.0,
        expand_indices: Sequence[int] = (),
        **settings: Any,
    ) -> None:
        if not temperature > 0:
            raise ValueError(f'the temperature must be positive; received {temperature}.')
        super().__init__(space, Settings.of(type(self), settings), expand_indices)
        self.temperature = temperature

    def add_stages(self) -> None:
        """A stage that is not searched as the seed has it, else a dict of candidates per layer."""
        self._choices = space_stages(self.space)
        self._candidates = [_positions(nodes) for nodes in self.network.stages]
        for index in self.expand_indices:
            self._check_expansion(index)
        for positions, choices in zip(self._candidates, self._choices, strict=True):
            layers = nn.ModuleList()
            for offered in positions:
                blocks = {node.op.text: self.block(node) for node in offered}
                layers.append(Candidates(blocks) if choices else blocks[offered[0].op.text])
            self.stages.append(layers)

    def _check_expansion(self, stage: int) -> None:
        """All candidates of a stage's first layer must expand alike."""
        first = self._candidates[stage][0]
        ops = [node.op.text for node in first]
        if not any('expand' in {conv.name for conv in node.convs} for node in first):
            raise SpaceError(
                f'expand_indices must name stages whose first layer expands; stage {stage} of '
                f'{self.seed.name} offers {", ".join(ops)}.'
            )
        if len({node.expanded_channels for node in first}) > 1:
            raise SpaceError(
                f'the expansion of stage {stage} is returned (expand_indices), so its first layer '
                f'must offer one expansion ratio; received {", ".join(ops)}. Restrict it: '
                f"restrict={{'{first[0].choice}': {[op for op in ops if op.endswith('e6')]}}}."
            )

    def idle_blocks(self) -> Iterator[nn.Module]:
        """The candidates that are not selected; none under the mixture."""
        stages: Any = self.stages
        for choices, stage in zip(self._choices, stages, strict=True):
            for choice, layer in zip(choices, stage, strict=False):
                selected = self._options.get(choice.name)
                if selected is not None:
                    yield from (block for op, block in layer.items() if op != selected)

    # ---- features ----

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features of the stages in ``expand_indices``, then of ``out_indices``, as selected.

        Args:
            x: Images, (N, in_channels, H, W).

        Returns:
            One (N, C, H / s, W / s) per index, C as in ``out_channels``; sizes are rounded up.
        """
        mixing = self.probabilities() if self._selection == MIXTURE else None
        self.check_chosen(x)
        x = self.begin(x)
        expansions: list[Tensor] = []
        features: list[Tensor] = []
        stages: Any = self.stages
        for index, stage in enumerate(stages[: self.out_indices[-1] + 1]):
            choices = self._choices[index]
            for position, layer in enumerate(stage):
                if choices:
                    terms = self._terms(choices[position], layer, mixing)
                else:
                    terms = [(layer, None)]
                expands = position == 0 and index in self.expand_indices
                run = partial(self._sum_with_expansion if expands else self._sum, terms)
                found: Any = layer(run, x) if choices else run(x)
                x = found[0] if expands else found
                if expands:
                    expansions.append(found[1])
            if index in self.out_indices:
                features.append(x)
        if self.training and torch.is_grad_enabled():
            self._pending.watch([*expansions, *features])
        return (*expansions, *features)

    def _terms(
        self, choice: Choice, candidates: nn.ModuleDict, mixing: dict[str, Tensor] | None
    ) -> list[Term]:
        """What runs at a layer: one candidate, or all of them with their probabilities."""
        if mixing is None:
            option = self._options[choice.name]
            return [(None if option == SKIP else candidates[option], None)]
        weights = mixing[choice.name].unbind()
        return [
            (None if option == SKIP else candidates[option], weight)
            for option, weight in zip(choice.options, weights, strict=True)
        ]

    def _sum(self, terms: list[Term], x: Tensor) -> Tensor:
        """Eq. 7 for one layer. With ``with_cp`` a weighted candidate is recomputed as a whole."""

        def term(block: Any, weight: Tensor | None) -> Tensor:
            if weight is None:
                return x if block is None else block(x)
            if block is None:
                return weight * x
            if self.with_cp:
                return recompute(block, _weighted, block.run, weight, x)
            return _weighted(block, weight, x)

        return reduce(torch.add, (term(*pair) for pair in terms))

    def _sum_with_expansion(self, terms: list[Term], x: Tensor) -> tuple[Tensor, Tensor]:
        """The same, and the sum of the candidates' expansions with the same weights."""

        def term(block: Any, weight: Tensor | None) -> tuple[Tensor, Tensor]:
            if weight is None:
                return block.forward_with_expansion(x)
            if self.with_cp:
                return recompute(block, _weighted, block.run_with_expansion, weight, x)
            return _weighted(block.run_with_expansion, weight, x)

        outputs, expansions = zip(*(term(*pair) for pair in terms), strict=True)
        return reduce(torch.add, outputs), reduce(torch.add, expansions)


def _positions(nodes: Sequence[Node]) -> list[list[Node]]:
    """The candidates of a stage at each of its positions."""
    return [list(offered) for _, offered in groupby(nodes, attrgetter('position'))]


def _weighted(run: Callable[[Tensor], Any], weight: Tensor, x: Tensor) -> Any:
    """What a block returns, a tensor or several, times a weight."""
    found = run(x)
    return weight * found if isinstance(found, Tensor) else tuple(weight * y for y in found)
