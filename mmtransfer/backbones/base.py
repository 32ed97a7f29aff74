"""What the backbones of MBConv blocks have in common."""

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmtransfer.blocks import MBConv, conv_norm_act
from mmtransfer.remap.load import load_seed
from mmtransfer.seeds import Seed

_REMAP = ('mmtransfer.Remap', 'Remap')


class MBConvBackbone(BaseModule):
    """A stem and stages of MBConv blocks, after the manner of a published seed.

    A subclass fills ``stages``: one module list per stage of the seed.

    Args:
        seed: Gives stem, padding, activation and the settings of the norms.
        out_indices: The stages (from 0, over all stages) whose features are returned, ascending.
            Stages after the last of them exist, but do not run.
        frozen_stages: -1 freezes nothing, 0 the stem, n the stem and the first n stages: their
            parameters learn nothing and their norms use running statistics.
        norm_cfg: MMCV config of a batch norm; eps and momentum are the seed's unless it sets them.
        norm_eval: Every norm uses its running statistics in training too.
        with_cp: Recompute the blocks' activations in the backward pass; running statistics still
            move once per step.
        init_cfg: As MMEngine's; ``dict(type='mmtransfer.Remap', checkpoint=...)`` takes the weights
            from a checkpoint of the seed network.

    Raises:
        ValueError: An argument is out of its range; the message gives the range.
    """

    def __init__(
        self,
        seed: Seed,
        out_indices: Sequence[int],
        frozen_stages: int,
        norm_cfg: dict[str, Any] | None,
        norm_eval: bool,
        with_cp: bool,
        init_cfg: dict | list[dict] | None,
    ) -> None:
        init_cfg, self._remap_cfg = _take_remap(init_cfg)
        super().__init__(init_cfg)
        count = len(seed.stages)
        self.out_indices = tuple(out_indices)
        if not self.out_indices or self.out_indices != tuple(
            i for i in range(count) if i in self.out_indices
        ):
            raise ValueError(
                f'out_indices must be one or more of 0 to {count - 1} (the stages of {seed.name}), '
                f'ascending, each once; received {tuple(out_indices)}.'
            )
        if not -1 <= frozen_stages <= count:
            raise ValueError(
                f'frozen_stages must lie between -1 (nothing) and {count} (the stem and all stages '
                f'of {seed.name}); received {frozen_stages}.'
            )
        self.seed = seed
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.with_cp = with_cp
        self.norm_cfg = _norm_cfg(seed, norm_cfg)
        self.act_cfg = dict(type=seed.act)
        self.stem = conv_norm_act(
            3,
            seed.stem_channels,
            3,
            stride=2,
            same_padding=seed.same_padding,
            norm_cfg=self.norm_cfg,
            act_cfg=self.act_cfg,
        )
        self.stages = nn.ModuleList()

    def block(
        self, in_channels: int, out_channels: int, kernel: int, stride: int, expansion: int
    ) -> MBConv:
        """A block with the seed's padding, norm and activation."""
        return MBConv(
            in_channels,
            out_channels,
            kernel,
            stride,
            expansion,
            same_padding=self.seed.same_padding,
            norm_cfg=self.norm_cfg,
            act_cfg=self.act_cfg,
            with_cp=self.with_cp,
        )

    @property
    def out_channels(self) -> tuple[int, ...]:
        """Channels of the returned features, which no choice of a space changes."""
        return tuple(self.seed.stages[i].channels for i in self.out_indices)

    def init_weights(self) -> None:
        """Initialise as MMEngine does, then take the weights of the seed, if there are any to take.

        MMEngine runs an ``init_cfg`` of another's making before the children's own initialisation,
        which would overwrite the remapped weights; so ours is kept from it and follows it.
        """
        done = self.is_init
        super().init_weights()
        if self._remap_cfg is not None and not done:
            load_seed(self, **self._remap_cfg)

    def train(self, mode: bool = True) -> 'MBConvBackbone':
        """Training mode for all but what is frozen; returns the module."""
        super().train(mode)
        self.freeze()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def freeze(self) -> None:
        """Stop the stem and the first ``frozen_stages`` stages from learning."""
        if self.frozen_stages < 0:
            return
        for module in (self.stem, *self.stages[: self.frozen_stages]):
            module.eval()
            for parameter in module.parameters():
                parameter.requires_grad = False


def _take_remap(
    init_cfg: dict | list[dict] | None,
) -> tuple[dict | list[dict] | None, dict[str, Any] | None]:
    """What MMEngine is to see of an ``init_cfg``, and the arguments of our remap."""
    configs = [init_cfg] if isinstance(init_cfg, dict) else list(init_cfg or [])
    remaps = [c for c in configs if c.get('type') in _REMAP]
    if not remaps:
        return init_cfg, None
    arguments = {key: value for key, value in remaps[0].items() if key != 'type'}
    if len(remaps) > 1 or 'checkpoint' not in arguments:
        raise ValueError(
            "init_cfg may hold one dict(type='mmtransfer.Remap', checkpoint=PATH) with the path of "
            f"the seed's checkpoint; received {remaps}."
        )
    return [c for c in configs if c.get('type') not in _REMAP] or None, arguments


def _norm_cfg(seed: Seed, norm_cfg: dict[str, Any] | None) -> dict[str, Any]:
    given = dict(norm_cfg or dict(type='BN'))
    if 'BN' not in str(given.get('type')):
        raise ValueError(
            "norm_cfg must be a batch norm such as dict(type='BN') or dict(type='SyncBN'), because "
            f"the seed's weights come with running statistics; received {norm_cfg}."
        )
    return dict(eps=seed.norm_eps, momentum=seed.norm_momentum) | given
