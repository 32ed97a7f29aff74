"""The supernet of FNA++: every candidate of every searched layer, as an ordinary backbone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, reduce
from typing import Any

import torch
from torch import Tensor, nn

from mmtransfer.architecture import Architecture
from mmtransfer.backbones.base import MBConvBackbone
from mmtransfer.backbones.selection import MIXTURE, PendingBackward, Selection, SelectionError
from mmtransfer.blocks import MBConv, recompute
from mmtransfer.registry import MODELS
from mmtransfer.seeds import SEEDS, closest_to_seed, mbconv_space, parse_op
from mmtransfer.seeds.mbconv import SKIP, space_stages
from mmtransfer.space import Choice


@MODELS.register_module()
class FNASupernet(MBConvBackbone):
    """All architectures of an MBConv space in one backbone (FNA++, Sec. 3.2.1).

    ``forward`` returns features and nothing else; what runs is the ``selection``: one architecture,
    or the mixture of all candidates (Eq. 7), ``sum_o softmax(logits / temperature)_o * o(x)``.
    ``logits`` holds one vector per choice of the space, in the space's order.

    From a forward pass in training mode with gradients until the end of its backward pass the
    selection is fixed; :meth:`release` ends that early.

    Args:
        seed: Name of the network that the space is built around.
        layers: How many layers each searched stage (all but the first) may have at most.
        kernels: Kernel sizes to choose from.
        expansions: Expansion ratios to choose from.
        min_layers: Every stage keeps at least so many layers, or all it has where that is fewer.
        out_indices: The stages (from 0, over all stages) whose features are returned, ascending.
        norm_cfg: MMCV config of a batch norm; eps and momentum are the seed's unless it sets them.
        norm_eval: Every norm uses its running statistics in training too.
        frozen_stages: -1 freezes nothing, 0 the stem, n the stem and the first n stages.
        with_cp: Recompute activations in the backward pass, one candidate at a time; only the
            inputs of layers are kept.
        temperature: Divides the logits, positive.
        init_cfg: As MMEngine's, or ``dict(type='mmtransfer.Remap', checkpoint=...)`` to give every
            candidate its weights from a checkpoint of the seed network.

    Raises:
        SpaceError: The arguments make no space.
        ValueError: Another argument is out of its range.
    """

    def __init__(
        self,
        seed: str = 'mobilenet_v2',
        layers: Sequence[int] = (4, 4, 4, 4, 4, 1),
        kernels: Sequence[int] = (3, 5, 7),
        expansions: Sequence[int] = (3, 6),
        min_layers: int | None = None,
        out_indices: Sequence[int] = (1, 2, 4, 6),
        norm_cfg: dict[str, Any] | None = None,
        norm_eval: bool = False,
        frozen_stages: int = -1,
        with_cp: bool = False,
        temperature: float = 1.0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        space = mbconv_space(seed, layers, kernels, expansions, min_layers)
        super().__init__(
            SEEDS[seed], out_indices, frozen_stages, norm_cfg, norm_eval, with_cp, init_cfg
        )
        if not temperature > 0:
            raise ValueError(f'the temperature must be positive; received {temperature}.')
        self.space = space
        self.temperature = temperature
        self._choices = space_stages(space)
        self._build_stages()
        self.logits = nn.ParameterList(1e-3 * torch.randn(len(c.options)) for c in space.choices)
        self._pending = PendingBackward()
        self._select(closest_to_seed(space))
        self.freeze()

    def _build_stages(self) -> None:
        """A stage that is not searched as the seed has it, else a dict of candidates per layer."""
        width = self.seed.stem_channels
        for stage, choices in zip(self.seed.stages, self._choices, strict=True):
            layers = nn.ModuleList()
            for index, options in enumerate([c.options for c in choices] or stage.ops):
                stride = stage.stride if index == 0 else 1
                make = partial(self._candidate, width, stage.channels, stride)
                if choices:
                    layers.append(nn.ModuleDict({op: make(op) for op in options if op != SKIP}))
                else:
                    layers.append(make(str(options)))
                width = stage.channels
            self.stages.append(layers)

    def _candidate(self, in_channels: int, out_channels: int, stride: int, op: str) -> MBConv:
        kernel, expansion = parse_op(op)
        return self.block(in_channels, out_channels, kernel, stride, expansion)

    # ---- what runs ----

    @property
    def selection(self) -> Selection:
        """The architecture that runs, or ``MIXTURE``; at first the seed or its nearest."""
        return self._selection

    def select(self, selection: Selection) -> None:
        """Choose what runs from now on.

        Args:
            selection: An architecture of ``space``, or ``MIXTURE``.

        Raises:
            SpaceError: The architecture is not of this space.
            SelectionError: It is neither, or gradients of another selection are outstanding.
        """
        if isinstance(selection, Architecture):
            self.space.check(selection)
        elif selection != MIXTURE:
            raise SelectionError(
                f'a selection must be an Architecture of the space or {MIXTURE!r}; received '
                f'{selection!r}. Make one with supernet.space.architecture(options).'
            )
        if self._pending and selection != self._selection:
            raise SelectionError(
                'the selection must stay as it is from a training forward pass to the end of its '
                f'backward pass; received another one while {len(self._pending)} backward pass(es) '
                'are outstanding. Run backward first, or call release() if there will be none.'
            )
        self._select(selection)

    def _select(self, selection: Selection) -> None:
        self._selection = selection
        self._options = selection.as_dict if isinstance(selection, Architecture) else {}

    @contextmanager
    def evaluating(self, architecture: Architecture) -> Iterator[None]:
        """Inside, ``architecture`` runs; afterwards the selection is what it was."""
        previous = self._selection
        self.select(architecture)
        try:
            yield
        finally:
            self.select(previous)

    def release(self) -> None:
        """Free the selection where no backward pass will follow."""
        self._pending.clear()

    # ---- architecture parameters ----

    def architecture_parameters(self) -> list[nn.Parameter]:
        """The logits, one vector per choice, in the order of the space."""
        return list(self.logits)

    def probabilities(self) -> dict[str, Tensor]:
        """Choice -> probability of each of its options; they sum to 1 and carry gradients."""
        return {
            choice.name: torch.softmax(logits / self.temperature, 0)
            for choice, logits in zip(self.space.choices, self.logits, strict=True)
        }

    # ---- features ----

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features of the stages in ``out_indices`` under the selection.

        Args:
            x: Images, (N, 3, H, W).

        Returns:
            One (N, C, H / s, W / s) per index, C as in ``out_channels``; sizes are rounded up.
        """
        mixing = self.probabilities() if self._selection == MIXTURE else None
        x = self.stem(x)
        features: list[Tensor] = []
        stages: Any = self.stages
        for index, stage in enumerate(stages[: self.out_indices[-1] + 1]):
            choices = self._choices[index]
            if not choices:
                for block in stage:
                    x = block(x)
            for choice, candidates in zip(choices, stage, strict=False):
                if mixing is not None:
                    x = self._mix(x, candidates, choice, mixing[choice.name])
                elif self._options[choice.name] != SKIP:
                    x = candidates[self._options[choice.name]](x)
            if index in self.out_indices:
                features.append(x)
        if self.training and torch.is_grad_enabled():
            self._pending.watch(features)
        return tuple(features)

    def _mix(self, x: Tensor, candidates: nn.ModuleDict, choice: Choice, weights: Tensor) -> Tensor:
        """Eq. 7 for one layer. With ``with_cp`` a weighted candidate is recomputed as a whole."""

        def term(option: str, weight: Tensor) -> Tensor:
            if option == SKIP:
                return weight * x
            block = candidates[option]
            if self.with_cp:
                return recompute(block, _weighted, block.run, weight, x)
            return weight * block(x)

        return reduce(torch.add, map(term, choice.options, weights.unbind()))


def _weighted(run: Callable[[Tensor], Tensor], weight: Tensor, x: Tensor) -> Tensor:
    return weight * run(x)
