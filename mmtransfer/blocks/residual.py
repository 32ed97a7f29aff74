"""The blocks of ResNet with one searched convolution (FNA++, Fig. 5), and their variants."""

from collections.abc import Sequence
from typing import Any

from mmcv.cnn import ConvModule, NonLocal2d, build_activation_layer
from torch import Tensor, nn

from mmtransfer.blocks.mbconv import conv_norm_act
from mmtransfer.blocks.recompute import recompute
from mmtransfer.seeds.ops import Conv


class SqueezeExcite(nn.Module):
    """Every channel times a gate in (0, 1), made from the means of all (SENet, Sec. 3).

    Args:
        channels: Of input and output.
        squeezed: Channels between the two 1x1 convolutions.
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = ConvModule(channels, squeezed, 1, act_cfg=dict(type='ReLU'))
        self.fc2 = ConvModule(squeezed, channels, 1, act_cfg=dict(type='Sigmoid'))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        return x * self.fc2(self.fc1(x.mean((2, 3), keepdim=True)))


class Residual(nn.Module):
    """Convolutions with norms, an activation between them and after the sum with the shortcut.

    Maps (N, C, H, W) to (N, C', ceil(H / stride), ceil(W / stride)). The convolutions are those of
    the ops in ``mmtransfer.seeds.residual``; the one named ``downsample``, if there is one, is
    the shortcut. ResNet, Sec. 3.3 and Fig. 5; the stride is on the spatial convolution.

    Those in ``se`` gate the channels before the sum (``SqueezeExcite``). Those in
    ``non_local`` are a non-local module after the block, MMCV's: embedded Gaussian, scaled; its
    last norm begins at 0, and so the module as the identity (Non-local Neural Networks, Sec. 3.3).

    Args:
        convs: The block's convolutions.
        averaged: The shortcut averages over the windows of its stride and has no stride itself
            (ResNet-D); windows at the edge of an odd size are smaller.
        dilation: Dilation of those that are larger than 1x1.
        norm_cfg: MMCV config of the norms.
        act_cfg: MMCV config of the activation.
        with_cp: Recompute the activations in the backward pass.
    """

    def __init__(
        self,
        convs: Sequence[Conv],
        *,
        averaged: bool = False,
        dilation: int = 1,
        norm_cfg: dict[str, Any],
        act_cfg: dict[str, Any],
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.average: nn.Module | None = None
        named = {conv.name: conv for conv in convs}
        main = [conv for conv in convs if '.' not in conv.name]
        self.path = [conv.name for conv in main if conv.name != 'downsample']
        self.downsample: nn.Module | None = None
        self.se: nn.Module | None = None
        self.non_local: nn.Module | None = None
        reduction = 1
        for conv in main:
            shortcut = conv.name == 'downsample'
            stride = conv.reduction if shortcut else conv.reduction // reduction
            if shortcut and averaged:
                if stride > 1:
                    self.average = nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False)
                stride = 1
            module = conv_norm_act(
                conv.in_channels,
                conv.out_channels,
                conv.kernel,
                stride=stride,
                dilation=dilation if conv.kernel > 1 else 1,
                groups=conv.groups,
                norm_cfg=norm_cfg,
                act_cfg=None if shortcut or conv.name == self.path[-1] else act_cfg,
            )
            reduction = conv.reduction
            setattr(self, conv.name, module)
        if 'se.fc1' in named:
            fc1 = named['se.fc1']
            self.se = SqueezeExcite(fc1.in_channels, fc1.out_channels)
        if 'non_local.g' in named:
            g = named['non_local.g']
            ratio = g.in_channels // g.out_channels
            self.non_local = NonLocal2d(g.in_channels, reduction=ratio, norm_cfg=norm_cfg)
        self.act = build_activation_layer(dict(act_cfg, inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H', W')."""
        return recompute(self, self.run, x) if self.with_cp else self.run(x)

    def run(self, x: Tensor) -> Tensor:
        """The block itself, its activations stored."""
        y = x
        for name in self.path:
            y = getattr(self, name)(y)
        if self.se is not None:
            y = self.se(y)
        if self.average is not None:
            x = self.average(x)
        y = self.act(y + (x if self.downsample is None else self.downsample(x)))
        return y if self.non_local is None else self.non_local(y)
