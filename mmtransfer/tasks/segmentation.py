"""Decode heads of mmseg as FNA++ counts them (Table 2): DeepLabv3 and the decoder of DeepLabv3+.

Neither has an auxiliary head. mmseg's own ASPPHead and DepthwiseSeparableASPPHead fuse the branches
with a 3x3 convolution and have five to seven times the parameters.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.aspp_head import ASPPModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.decode_heads.sep_aspp_head import DepthwiseSeparableASPPModule
from mmseg.models.utils import resize
from torch import Tensor, nn


class _Pyramid(nn.Module):
    """Atrous spatial pyramid pooling: image pooling, a 1x1 and dilated 3x3 branches, a 1x1 fuse.

    Args:
        in_channels: Of the features.
        channels: Of every branch and of the result.
        dilations: Of the 3x3 branches.
        separable: Depthwise-separable 3x3 convolutions instead of dense ones.
        align_corners: Of the interpolation of the pooled branch.
        layers: ``conv_cfg``, ``norm_cfg`` and ``act_cfg`` of every convolution.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        dilations: Sequence[int],
        separable: bool,
        align_corners: bool,
        **layers: Any,
    ) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.pool = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), ConvModule(in_channels, channels, 1, **layers)
        )
        branches = DepthwiseSeparableASPPModule if separable else ASPPModule
        # To mmseg a rate of 1 is the 1x1 branch.
        self.branches = branches(
            dilations=(1, *dilations), in_channels=in_channels, channels=channels, **layers
        )
        self.fuse = ConvModule((len(dilations) + 2) * channels, channels, 1, **layers)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, C, H, W) to (N, channels, H, W)."""
        pooled = resize(
            self.pool(x), size=x.shape[2:], mode='bilinear', align_corners=self.align_corners
        )
        return self.fuse(torch.cat([pooled, *self.branches(x)], 1))


class DeepLabV3Head(BaseDecodeHead):
    """DeepLabv3 with separable branches (FNA++, Sec. 4.1).

    Args:
        dilations: Rates of the 3x3 branches: (6, 12, 18) at output stride 16, (12, 24, 36) at 8.
        **kwargs: As of mmseg's heads; ``channels`` is the width, 256 in the paper. Needs
            ``in_channels`` and ``num_classes``.

    Raises:
        ValueError: A rate below 2.
    """

    def __init__(self, dilations: Sequence[int] = (6, 12, 18), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pyramid = _pyramid(self, self.in_channels, dilations, separable=True)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Features of the backbone to class scores, (N, classes, H, W) of the features' size."""
        return self.cls_seg(self.pyramid(self._transform_inputs(inputs)))


class DeepLabV3PlusHead(BaseDecodeHead):
    """The decoder of DeepLabv3+ (FNA++, Table 2): a dense pyramid, refined by earlier features.

    It reads two features, the low-level ones first: the paper's have 24 channels at stride 4.

    Args:
        dilations: Rates of the 3x3 branches: (6, 12, 18) at output stride 16, (12, 24, 36) at 8.
        low_channels: To which the low-level features are reduced.
        in_channels: Of the two features.
        in_index: Which of the backbone's features they are.
        **kwargs: As of mmseg's heads; ``channels`` is the width, 256 in the paper.

    Raises:
        ValueError: Not two features, or a rate below 2.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        dilations: Sequence[int] = (6, 12, 18),
        low_channels: int = 48,
        in_index: Sequence[int] = (0, 1),
        **kwargs: Any,
    ) -> None:
        if isinstance(in_channels, int) or not len(in_channels) == len(in_index) == 2:
            raise ValueError(
                f'in_channels and in_index must name two features, the low-level ones first, such '
                f'as [24, 320] and [0, 1]; received {in_channels} and {in_index}.'
            )
        super().__init__(
            in_channels=in_channels,
            in_index=tuple(in_index),
            input_transform='multiple_select',
            **kwargs,
        )
        low, high = in_channels
        layers = _layers(self)
        self.pyramid = _pyramid(self, high, dilations, separable=False)
        self.reduce = ConvModule(low, low_channels, 1, **layers)
        width = self.channels
        with warnings.catch_warnings():
            # The published count has a bias before one of the norms, which mmcv finds unnecessary.
            warnings.filterwarnings('ignore', message='Unnecessary conv bias')
            self.refine = nn.Sequential(
                ConvModule(width + low_channels, width, 3, padding=1, **layers),
                ConvModule(width, width, 3, padding=1, bias=True, **layers),
            )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Features of the backbone to class scores, (N, classes, H, W) of the low-level size."""
        low, high = self._transform_inputs(inputs)
        context = resize(
            self.pyramid(high),
            size=low.shape[2:],
            mode='bilinear',
            align_corners=self.align_corners,
        )
        return self.cls_seg(self.refine(torch.cat([context, self.reduce(low)], 1)))


def _layers(head: BaseDecodeHead) -> dict[str, Any]:
    return dict(conv_cfg=head.conv_cfg, norm_cfg=head.norm_cfg, act_cfg=head.act_cfg)


def _pyramid(
    head: BaseDecodeHead, in_channels: int, dilations: Sequence[int], separable: bool
) -> _Pyramid:
    if min(dilations, default=2) < 2:
        raise ValueError(
            f'dilations must be rates of at least 2 (the 1x1 branch is there without being '
            f'named), such as (6, 12, 18); received {tuple(dilations)}.'
        )
    return _Pyramid(
        in_channels, head.channels, dilations, separable, head.align_corners, **_layers(head)
    )
