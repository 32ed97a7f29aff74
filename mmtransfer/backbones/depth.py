"""The supernet of block allocation: one deep network, of whose stages the first blocks run."""

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from mmtransfer.backbones.selection import MIXTURE
from mmtransfer.backbones.settings import Settings
from mmtransfer.backbones.supernet import StagedSupernet
from mmtransfer.registry import MODELS
from mmtransfer.spaces import depth_space, space_stages


@MODELS.register_module()
class DepthSupernet(StagedSupernet):
    """All block allocations of a space in one network (block allocation, Sec. 3.2).

    ``selection`` says how many blocks each stage keeps, the first S of at most N; the others do not
    run. At first it is the seed's allocation.

    Args:
        seed: Name of the network that the space is built around.
        max_blocks: The most blocks of each stage in which the seed has several; by default the
            seed's own numbers.
        differentiable: With logits, for a differentiable search: a stage's mixture is the sum of
            what its first 1, 2, ... blocks return, weighted by the probability that it ends there.
        **settings: What all backbones share, see ``mmtransfer.backbones.Settings``. Remapped
            from a seed, blocks beyond its own begin as copies of the last one of their stage.

    Raises:
        SpaceError: The arguments make no space.
        ValueError: Another argument is out of its range.
        TypeError: There is no such argument.
    """

    def __init__(
        self,
        seed: str = 'resnet50',
        max_blocks: Sequence[int] | None = None,
        *,
        differentiable: bool = False,
        **settings: Any,
    ) -> None:
        shared = Settings.of(type(self), settings)
        super().__init__(depth_space(seed, max_blocks), shared, logits=differentiable)
        self._choices = space_stages(self.space)

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
