"""SSDLite as FNA++ has it: the extra layers as a neck, and a head without biases.

MobileNetV2, Sec. 6.2, with the widths and anchors behind FNA++'s Table 4.
"""

from collections.abc import Sequence
from typing import Any

from mmdet.models.dense_heads import SSDHead
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmtransfer.backbones import take_remap
from mmtransfer.blocks import conv_norm_act
from mmtransfer.remap import load_last_conv
from mmtransfer.seeds import seed_network

_NORM = dict(type='BN', eps=0.001, momentum=0.03)  # mmdet's, for SSDLite
_ACT = dict(type='ReLU6')


class SSDLiteNeck(BaseModule):
    """Six feature maps from the two that a backbone gives.

    The first passes through as it is: the expansion inside the first block of stride 32, which
    still has stride 16. The second, the last stage, is widened by a 1x1 convolution (the one
    before the classifier of MobileNetV2). Each further map halves the size of the one before it:
    1x1 to half the new width, 3x3 depthwise of stride 2, 1x1.

    Args:
        in_channels: Channels of the two features, (stride 16, stride 32).
        last_channels: Channels that the second one is widened to.
        extra_channels: Channels of each further map, even.
        norm_cfg: MMCV config of the norms; every convolution has one, none has a bias.
        act_cfg: MMCV config of the activation after every norm.
        init_cfg: As MMEngine's; ``dict(type='mmtransfer.Remap', seed=..., checkpoint=...)`` takes
            the 1x1 convolution to ``last_channels`` from a checkpoint of the seed.

    Raises:
        ValueError: There are not exactly two features, or the channels of a further map are odd.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (576, 320),
        last_channels: int = 1280,
        extra_channels: Sequence[int] = (512, 256, 256, 128),
        norm_cfg: dict[str, Any] = _NORM,
        act_cfg: dict[str, Any] = _ACT,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        init_cfg, self._remap_cfg = take_remap(init_cfg)
        super().__init__(init_cfg)
        if len(in_channels) != 2:
            raise ValueError(
                'in_channels of SSDLiteNeck must be those of two features, the expansion of stride '
                f'16 and the last stage; received {tuple(in_channels)}. Give the backbone one of '
                'expand_indices and one of out_indices.'
            )
        if any(channels % 2 for channels in extra_channels):
            raise ValueError(
                'extra_channels of SSDLiteNeck must be even, because the 3x3 convolutions have '
                f'half of them; received {tuple(extra_channels)}.'
            )
        self.in_channels = tuple(in_channels)
        self.out_channels = (self.in_channels[0], last_channels, *extra_channels)
        settings: dict[str, Any] = dict(norm_cfg=norm_cfg, act_cfg=act_cfg)
        self.last = conv_norm_act(self.in_channels[1], last_channels, 1, **settings)
        self.extras = nn.ModuleList()
        width = last_channels
        for channels in extra_channels:
            middle = channels // 2
            self.extras.append(
                nn.Sequential(
                    conv_norm_act(width, middle, 1, **settings),
                    conv_norm_act(middle, middle, 3, stride=2, groups=middle, **settings),
                    conv_norm_act(middle, channels, 1, **settings),
                )
            )
            width = channels

    def init_weights(self) -> None:
        """Initialise as MMEngine does, then take the 1x1 convolution of the seed, if asked to."""
        done = self.is_init
        super().init_weights()
        if self._remap_cfg is not None and not done:
            asked = dict(self._remap_cfg)
            load_last_conv(self.last, seed_network(asked.pop('seed', '')), **asked)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Two features, (N, C, H, W) and (N, C', ceil(H / 2), ceil(W / 2)), to all feature maps.

        Returns:
            ``len(out_channels)`` maps, each half the size of the one before, rounded up.
        """
        first, x = features
        maps = [first, self.last(x)]
        for layer in self.extras:
            maps.append(layer(maps[-1]))
        return tuple(maps)


class SSDLiteHead(SSDHead):
    """mmdet's SSD head with other predictors, which are separable, normalised and without bias.

    A predictor is a 3x3 depthwise convolution, norm and activation, then a 1x1 convolution and a
    norm, whose shift stands in for the bias. Per location of a map with A anchors there are
    ``A * (num_classes + 1)`` logits, the last of each anchor for the background, and ``A * 4`` box
    values. mmdet's own separable head has biases in place of the last norms, which FNA++'s counts
    do not fit.

    Args:
        norm_cfg: MMCV config of the norms.
        act_cfg: MMCV config of the activation after the depthwise convolutions.
        **kwargs: As mmdet's SSDHead, but for ``stacked_convs`` and ``use_depthwise``, which must be
            as they are here (0 and True) if they are given.

    Raises:
        ValueError: Another kind of predictor is asked for, or the anchors are not for as many maps
            as ``in_channels``.
    """

    loss_cls = None  # mmdet asks for it at inference, where its SSDHead has none

    def __init__(
        self,
        norm_cfg: dict[str, Any] = _NORM,
        act_cfg: dict[str, Any] = _ACT,
        **kwargs: Any,
    ) -> None:
        asked = {
            key: kwargs.pop(key) for key in ('stacked_convs', 'use_depthwise') if key in kwargs
        }
        if asked.get('stacked_convs', 0) or not asked.get('use_depthwise', True):
            raise ValueError(
                'SSDLiteHead has separable predictors and nothing before them: stacked_convs must '
                f'be 0 and use_depthwise True, or left out; received {asked}.'
            )
        super().__init__(norm_cfg=norm_cfg, act_cfg=act_cfg, use_depthwise=True, **kwargs)

    def _init_layers(self) -> None:
        """Called by mmdet: one predictor of classes and one of boxes per feature map."""
        if len(self.in_channels) != len(self.num_base_priors):
            raise ValueError(
                'the anchor generator must have one level per feature map; received '
                f'{len(self.num_base_priors)} levels for in_channels={tuple(self.in_channels)}.'
            )
        self.cls_convs, self.reg_convs = nn.ModuleList(), nn.ModuleList()
        for channels, anchors in zip(self.in_channels, self.num_base_priors, strict=True):
            self.cls_convs.append(self._predictor(channels, anchors * self.cls_out_channels))
            self.reg_convs.append(self._predictor(channels, anchors * 4))

    def _predictor(self, in_channels: int, out_channels: int) -> nn.Sequential:
        norm = self.norm_cfg
        return nn.Sequential(
            conv_norm_act(
                in_channels,
                in_channels,
                3,
                groups=in_channels,
                norm_cfg=norm,
                act_cfg=self.act_cfg,
            ),
            conv_norm_act(in_channels, out_channels, 1, norm_cfg=norm, act_cfg=None),
        )
