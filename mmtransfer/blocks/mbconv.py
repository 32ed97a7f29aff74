"""The inverted residual of MobileNetV2, with every kernel size and expansion the spaces ask for."""

from typing import Any

from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmtransfer.blocks.recompute import recompute
from mmtransfer.blocks.same_pad import SamePadConv2d


def conv_norm_act(
    in_channels: int,
    out_channels: int,
    kernel: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    same_padding: bool = False,
    norm_cfg: dict[str, Any],
    act_cfg: dict[str, Any] | None,
) -> ConvModule:
    """A convolution without bias, its norm and its activation (``None``: no activation).

    Padding keeps the size at stride 1 and gives ceil(size / 2) at stride 2. At stride 2
    ``same_padding`` pads as TensorFlow's SAME does (``SamePadConv2d``): even inputs get the
    larger half at the bottom and right. At stride 1, or kernel 1, the two ways are one.
    """
    same = same_padding and stride > 1 and kernel > 1
    return ConvModule(
        in_channels,
        out_channels,
        kernel,
        stride=stride,
        padding=0 if same else dilation * (kernel // 2),
        dilation=dilation,
        groups=groups,
        conv_cfg=dict(type=SamePadConv2d) if same else None,
        norm_cfg=norm_cfg,
        act_cfg=act_cfg,
    )


class MBConv(nn.Module):
    """1x1 expansion, depthwise convolution, linear 1x1 projection; a shortcut where shapes allow.

    Maps (N, in_channels, H, W) to (N, out_channels, ceil(H / stride), ceil(W / stride)).
    MobileNetV2, Sec. 3; the candidate of FNA++, Sec. 3.2.1.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel: Size of the depthwise kernel, odd.
        stride: Stride of the depthwise convolution, 1 or 2.
        expansion: Hidden channels per input channel; at 1 there is no expansion convolution.
        expanded: There is one at 1 too.
        dilation: Dilation of the depthwise convolution.
        same_padding: Pad as TensorFlow's SAME does (EfficientNet) instead of symmetrically.
        norm_cfg: MMCV config of the norms.
        act_cfg: MMCV config of the activation after expansion and depthwise convolution.
        with_cp: Recompute the activations in the backward pass.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int,
        expansion: int,
        *,
        expanded: bool = False,
        dilation: int = 1,
        same_padding: bool = False,
        norm_cfg: dict[str, Any],
        act_cfg: dict[str, Any],
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"an MBConv's kernel must be odd and positive; received {kernel}.")
        if expansion < 1:
            raise ValueError(f"an MBConv's expansion must be at least 1; received {expansion}.")
        hidden = in_channels * expansion
        self.residual = stride == 1 and in_channels == out_channels
        self.with_cp = with_cp
        self.expand = (
            conv_norm_act(in_channels, hidden, 1, norm_cfg=norm_cfg, act_cfg=act_cfg)
            if expansion > 1 or expanded
            else None
        )
        self.depthwise = conv_norm_act(
            hidden,
            hidden,
            kernel,
            stride=stride,
            dilation=dilation,
            groups=hidden,
            same_padding=same_padding,
            norm_cfg=norm_cfg,
            act_cfg=act_cfg,
        )
        self.project = conv_norm_act(hidden, out_channels, 1, norm_cfg=norm_cfg, act_cfg=None)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, out_channels, H', W')."""
        return recompute(self, self.run, x) if self.with_cp else self.run(x)

    def forward_with_expansion(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The same, and the output of the expansion (N, hidden, H, W), which SSDLite reads."""
        run = self.run_with_expansion
        return recompute(self, run, x) if self.with_cp else run(x)

    def run(self, x: Tensor) -> Tensor:
        """The block itself, its activations stored."""
        return self.run_with_expansion(x)[0]

    def run_with_expansion(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The block and its expansion, their activations stored."""
        expanded = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(expanded))
        return (x + y if self.residual else y), expanded
