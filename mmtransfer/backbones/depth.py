"""The supernet of block allocation: one deep network, of whose stages the first blocks run."""

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from mmtransfer.backbones.arguments import refuse_unknown
from mmtransfer.backbones.selection import MIXTURE
from mmtransfer.backbones.supernet import Supernet
from mmtransfer.registry import MODELS
from mmtransfer.spaces import depth_space, record_of, space_stages


@MODELS.register_module()
class DepthSupernet(Supernet):
    """All block allocations of a space in one network (block allocation, Sec. 3.2).

    ``selection`` says how many blocks each stage keeps, the first S of at most N; the others do not
    run. At first it is the seed's allocation.

    Args:
        seed: Name of the network that the space is built around.
        max_blocks: The most blocks of each stage in which the seed has several; by default the
            seed's own numbers.
        out_indices: The stages (from 0, over all stages) whose features are returned, ascending; by
            default the last one of every size from a quarter of the image on.
        norm_cfg: MMCV config of a batch norm; eps and momentum are the seed's unless it sets them.
        norm_eval: Every norm uses its running statistics in training too.
        frozen_stages: -1 freezes nothing, 0 the stem, n the stem and the first n stages.
        with_cp: Recompute the blocks' activations in the backward pass.
        init_cfg: As MMEngine's, or ``dict(type='mmtransfer.Remap', checkpoint=...)`` to take the
            weights from a checkpoint of the seed network: blocks beyond its own begin as copies of
            the last one of their stage.
        output_stride: Size of the image over that of the last features, 8, 16 or 32: strides beyond
            it become dilations.
        differentiable: With logits, for a differentiable search: a stage's mixture is the sum of
            what its first 1, 2, ... blocks return, weighted by the probability that it ends there.
        channels_last: Compute in PyTorch's channels-last layout, features included: the same values
            up to rounding, and where convolutions are narrow or depthwise often faster.
        in_channels: Of the images: 3 for colours, 1 for grey, any number; weights of a seed are
            made to fit (:func:`mmtransfer.remap.rules.fit_colours`).

    Raises:
        SpaceError: The arguments make no space.
        ValueError: Another argument is out of its range.
        TypeError: There is no such argument.
    """

    def __init__(
        self,
        seed: str = 'resnet50',
        max_blocks: Sequence[int] | None = None,
        out_indices: Sequence[int] | None = None,
        norm_cfg: dict[str, Any] | None = None,
        norm_eval: bool = False,
        frozen_stages: int = -1,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
        output_stride: int = 32,
        differentiable: bool = False,
        channels_last: bool = False,
        in_channels: int = 3,
        **unknown: Any,
    ) -> None:
        refuse_unknown(type(self), unknown)
        space = depth_space(seed, max_blocks)
        kind = record_of(space)
        network = kind.supernet(space, output_stride)
        super().__init__(
            network.seed,
            out_indices,
            frozen_stages,
            norm_cfg,
            norm_eval,
            with_cp,
            init_cfg,
            output_stride,
            (),
            channels_last,
            in_channels,
        )
        self.space = space
        self._choices = space_stages(space)
        self.add_stages(network)
        if differentiable:
            self.add_logits()
        self.begin_selecting(kind.closest(space))
        self.freeze()

    def kept(self, stage: int) -> int:
        """How many blocks of a stage run now."""
        choices, blocks = self._choices[stage], self.stages[stage]
        assert isinstance(blocks, nn.ModuleList)
        return int(self._options[choices[0].name]) if choices else len(blocks)

    def idle_blocks(self) -> Iterator[nn.Module]:
        """The last blocks of each stage, which are not kept; none under the mixture."""
        stages: Any = self.stages
        if self._selection != MIXTURE:
            for index, stage in enumerate(stages):
                yield from stage[self.kept(index) :]

    def run_stage(self, stage: int, x: Tensor) -> Tensor:
        """The blocks that a stage keeps, one after the other; or the mixture over their number."""
        blocks: Any = self.stages[stage]
        if self._selection == MIXTURE and self._choices[stage]:
            weights = self.probabilities()[self._choices[stage][0].name].unbind()
            terms = []
            for block, weight in zip(blocks, weights, strict=True):
                x = block(x)
                terms.append(weight * x)
            return reduce(torch.add, terms)
        for block in blocks[: self.kept(stage)]:
            x = block(x)
        return x

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features of the stages in ``out_indices`` under the selection.

        Args:
            x: Images, (N, in_channels, H, W).

        Returns:
            One (N, C, H / s, W / s) per index, C as in ``out_channels``; sizes are rounded up.
        """
        self.check_chosen(x)
        x = self.begin(x)
        features: list[Tensor] = []
        for stage in range(self.out_indices[-1] + 1):
            x = self.run_stage(stage, x)
            if stage in self.out_indices:
                features.append(x)
        if self.training and torch.is_grad_enabled():
            self._pending.watch(features)
        return tuple(features)
