"""The supernet of FNA++: every candidate of every searched layer, as an ordinary backbone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
from mmtransfer.registry import MODELS
from mmtransfer.seeds import SKIP, Node
from mmtransfer.space import Choice, SpaceError
from mmtransfer.spaces import space_stages
from mmtransfer.spaces.around import build_space
from mmtransfer.spaces.kinds import kind_around
from mmtransfer.spaces.mbconv import MBCONV
from mmtransfer.spaces.residual import RESIDUAL

KINDS = (MBCONV, RESIDUAL)  # of which there is a supernet here, by the seed

# A candidate (None: skip) and its weight in the sum (None: it runs alone).
Term = tuple[nn.Module | None, Tensor | None]


class Candidates(nn.ModuleDict):
    """The candidates of a layer. What they return together passes through here, where hooks see it
    as the layer's output."""

    def forward(self, run: Callable[[Tensor], Any], x: Tensor) -> Any:
        """What ``run`` makes of ``x`` by some of the candidates."""
        return run(x)


@MODELS.register_module()
class FNASupernet(StagedSupernet):
    """All architectures of a space in one backbone (FNA++, Sec. 3.2.1).

    ``forward`` returns features and nothing else; what runs is the ``selection``: one architecture,
    or the mixture of all candidates (Eq. 7), ``sum_o softmax(logits / temperature)_o * o(x)``.
    ``logits`` holds one vector per choice of the space, in the space's order.

    Args:
        seed: Name of the network that the space is built around.
        layers, kernels, expansions, min_layers, restrict: What the space around a seed of MBConv
            blocks offers, see :func:`mmtransfer.spaces.mbconv_space`.
        ops: What that around a ResNet offers, see :func:`mmtransfer.spaces.residual_space`.
        temperature: Divides the logits, positive.
        expand_indices: The stages whose first layer's expansion is returned as well, before the
            features of ``out_indices``; its candidates must all expand alike (SSDLite).
        **settings: What all backbones share, see :class:`mmtransfer.backbones.Settings`.

    Raises:
        SpaceError: The arguments make no space.
        ValueError: Another argument is out of its range.
        TypeError: There is no such argument.
    """

    def __init__(
        self,
        seed: str = 'mobilenet_v2',
        *,
        layers: Sequence[int] | None = None,
        kernels: Sequence[int] | None = None,
        expansions: Sequence[int] | None = None,
        min_layers: int | None = None,
        restrict: Mapping[str, Sequence[str]] | None = None,
        ops: Sequence[str] | None = None,
        temperature: float = 1.0,
        expand_indices: Sequence[int] = (),
        **settings: Any,
    ) -> None:
        shared = Settings.of(type(self), settings)
        offered = dict(
            layers=layers,
            kernels=kernels,
            expansions=expansions,
            min_layers=min_layers,
            restrict=restrict,
            ops=ops,
        )
        rule = {name: value for name, value in offered.items() if value is not None}
        kind = kind_around(seed, KINDS)
        space = build_space(kind, seed, rule)
        network = kind.supernet(space, shared.output_stride)
        super().__init__(network.seed, shared, expand_indices)
        if not temperature > 0:
            raise ValueError(f'the temperature must be positive; received {temperature}.')
        self.space = space
        self.temperature = temperature
        self._choices = space_stages(space)
        self._candidates = [_positions(nodes) for nodes in network.stages]
        for index in self.expand_indices:
            self._check_expansion(index)
        self._build_stages()
        self.add_logits()
        self.begin_selecting(kind.closest(space))
        self.freeze()

    def _build_stages(self) -> None:
        """A stage that is not searched as the seed has it, else a dict of candidates per layer."""
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

    def expanded_channels(self, stage: int) -> int:
        """Channels of the expansion in the first layer of a stage."""
        return self._candidates[stage][0][0].expanded_channels

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
