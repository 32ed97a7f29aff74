"""What the plain backbone and the supernets have in common."""

import logging
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmtransfer.backbones.arguments import norm_settings, take_remap
from mmtransfer.backbones.graph import place
from mmtransfer.backbones.settings import Settings
from mmtransfer.blocks import Style, build_block, conv_norm_act
from mmtransfer.remap.load import convert_state, load_seed
from mmtransfer.seeds import Network, Node, Seed
from mmtransfer.seeds.networks import stem_convs


class StagedBackbone(BaseModule):
    """A stem and stages of blocks, after the manner of a published seed.

    A subclass fills ``stages``: one module list per stage of the seed.

    Args:
        network: All that can run; its seed gives stem, padding, activation and the settings of the
            norms.
        settings: What all backbones can be told.
        expand_indices: The stages whose first block's expansion, with norm and activation, is
            returned before the features of ``out_indices``; ascending, only of blocks that expand
            (SSDLite).

    Raises:
        ValueError: An argument is out of its range; the message gives the range.
    """

    def __init__(
        self, network: Network, settings: Settings, expand_indices: Sequence[int] = ()
    ) -> None:
        init_cfg, self._remap_cfg = take_remap(settings.init_cfg)
        super().__init__(init_cfg)
        seed, count = network.seed, len(network.stages)
        asked = settings.out_indices
        self.out_indices = seed.feature_stages if asked is None else tuple(asked)
        if not self.out_indices or self.out_indices != tuple(
            i for i in range(count) if i in self.out_indices
        ):
            raise ValueError(
                f'out_indices must be one or more of 0 to {count - 1} (the stages of {seed.name}), '
                f'ascending, each once; received {self.out_indices}.'
            )
        self.expand_indices = _expand_indices(network, tuple(expand_indices), self.out_indices[-1])
        if not -1 <= settings.frozen_stages <= count:
            raise ValueError(
                f'frozen_stages must lie between -1 (nothing) and {count} (the stem and all stages '
                f'of {seed.name}); received {settings.frozen_stages}.'
            )
        self.network = network.reading(settings.in_channels)
        self.frozen_stages = settings.frozen_stages
        self.norm_eval = settings.norm_eval
        self.with_cp = settings.with_cp
        self.norm_cfg = norm_settings(seed, settings.norm_cfg)
        self.act_cfg = dict(type=seed.act)
        self.output_stride = settings.output_stride
        self.channels_last = settings.channels_last
        self.stem = self._stem()
        self.pool = nn.MaxPool2d(3, stride=2, padding=1) if seed.stem_pool else None
        self.stages = nn.ModuleList()

    @property
    def seed(self) -> Seed:
        """The network that it is built after."""
        return self.network.seed

    @property
    def in_channels(self) -> int:
        """Channels of the images."""
        return self.seed.in_channels

    def _stem(self) -> nn.Module:
        modules = [
            conv_norm_act(
                conv.in_channels,
                conv.out_channels,
                conv.kernel,
                stride=1 if n else conv.reduction,
                same_padding=self.seed.same_padding,
                norm_cfg=self.norm_cfg,
                act_cfg=self.act_cfg,
            )
            for n, conv in enumerate(stem_convs(self.seed))
        ]
        return nn.Sequential(*modules) if self.seed.deep_stem else modules[0]

    def begin(self, x: Tensor) -> Tensor:
        """What precedes the first stage: images (N, in_channels, H, W) to its input."""
        if self.channels_last:  # every layer after it keeps the layout of its input
            x = x.contiguous(memory_format=torch.channels_last)
        try:
            x = self.stem(x)
        except RuntimeError:
            if x.shape[1] == self.in_channels:
                raise
            raise ValueError(
                f'the images must have the {self.in_channels} channels that the backbone reads; '
                f'received {x.shape[1]}. Set model.backbone.in_channels={x.shape[1]}, or load them '
                f'otherwise (color_type of LoadImageFromFile).'
            ) from None
        return x if self.pool is None else self.pool(x)

    def block(self, node: Node) -> nn.Module:
        """The module of a node, with the seed's padding, norm and activation."""
        style = Style(
            norm_cfg=self.norm_cfg,
            act_cfg=self.act_cfg,
            same_padding=self.seed.same_padding,
            with_cp=self.with_cp,
        )
        return build_block(node.op, node, style)

    def add_stages(self) -> None:
        """Build the modules of all nodes where their names say: the blocks of a stage in a module
        list, or in a dict where they are not numbered one after the other."""
        for stage, nodes in enumerate(self.network.stages):
            numbered = all(node.name == f'stages.{stage}.{n}' for n, node in enumerate(nodes))
            self.stages.append(nn.ModuleList() if numbered else nn.ModuleDict())
        for node in self.network.nodes:
            place(self, node.name, self.block(node))

    @property
    def out_channels(self) -> tuple[int, ...]:
        """Channels of the returned features, those of ``expand_indices`` first."""
        expanded = (self.network.stages[i][0].expanded_channels for i in self.expand_indices)
        return (*expanded, *self.network.out_channels(self.out_indices))

    def init_weights(self) -> None:
        """Initialise as MMEngine does, then take the weights of the seed, if there are any to take.

        MMEngine runs an ``init_cfg`` of another's making before the children's own initialisation,
        which would overwrite the remapped weights; so ours is kept from it and follows it. The log
        gets a summary of the plan, and the whole of it at level DEBUG.
        """
        done = self.is_init
        super().init_weights()
        if self._remap_cfg is not None and not done:
            plan = load_seed(self, **self._remap_cfg)
            origin = self._remap_cfg['checkpoint']
            print_log(f'remap: the backbone from {origin}\n{plan.summary(5)}', 'current')
            print_log(plan.explain(), 'current', logging.DEBUG)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        """Called by PyTorch's and MMEngine's ways to load; the latter would skip in silence what
        bears another name. So tensors of the seed, or of the supernet, are remapped here.

        Raises:
            SeedCheckpointError, RemapError: Tensors of the backbone would be left out.
        """
        plan = convert_state(self, state_dict, prefix)
        if plan is not None:
            print_log(f'remap: the backbone from a state dict\n{plan.summary(5)}', 'current')
        super()._load_from_state_dict(state_dict, prefix, *args)

    def train(self, mode: bool = True) -> 'StagedBackbone':
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


def _expand_indices(network: Network, indices: tuple[int, ...], last: int) -> tuple[int, ...]:
    expanding = [
        i for i, nodes in enumerate(network.stages) if nodes and nodes[0].expanded_channels
    ]
    if indices != tuple(i for i in expanding if i in indices and i <= last):
        raise ValueError(
            f'expand_indices must be stages from 0 to {last} (the last of out_indices), ascending, '
            f'each once, whose first block expands as an MBConv does; received {indices} for '
            f'{network.seed.name}.'
        )
    return indices
