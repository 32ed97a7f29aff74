"""The blocks of ResNet with one searched convolution (FNA++, Fig. 5)."""

from collections.abc import Sequence
from typing import Any

from mmcv.cnn import build_activation_layer
from torch import Tensor, nn

from mmtransfer.blocks.mbconv import conv_norm_act
from mmtransfer.blocks.recompute import recompute
from mmtransfer.seeds.ops import Conv


class Residual(nn.Module):
    """Convolutions with norms, an activation between them and after the sum with the shortcut.

    Maps (N, C, H, W) to (N, C', ceil(H / stride), ceil(W / stride)). The convolutions are those of
    :func:`mmtransfer.seeds.ops.basic` or :func:`~mmtransfer.seeds.ops.bottleneck`; the one named
    ``downsample``, if there is one, is the shortcut. ResNet, Sec. 3.3 and Fig. 5; the stride is on
    the spatial convolution.

    Args:
        convs: The block's convolutions.
        dilation: Dilation of those that are larger than 1x1.
        norm_cfg: MMCV config of the norms.
        act_cfg: MMCV config of the activation.
        with_cp: Recompute the activations in the backward pass.
    """

    def __init__(
        self,
        convs: Sequence[Conv],
        *,
        dilation: int = 1,
        norm_cfg: dict[str, Any],
        act_cfg: dict[str, Any],
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.path = [conv.name for conv in convs if conv.name != 'downsample']
        self.downsample: nn.Module | None = None
        reduction = 1
        for conv in convs:
            shortcut = conv.name == 'downsample'
            module = conv_norm_act(
                conv.in_channels,
                conv.out_channels,
                conv.kernel,
                stride=conv.reduction if shortcut else conv.reduction // reduction,
                dilation=dilation if conv.kernel > 1 else 1,
                groups=conv.groups,
                norm_cfg=norm_cfg,
                act_cfg=None if shortcut or conv.name == self.path[-1] else act_cfg,
            )
            reduction = conv.reduction
            setattr(self, conv.name, module)
        self.act = build_activation_layer(dict(act_cfg, inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H', W')."""
        return recompute(self, self.run, x) if self.with_cp else self.run(x)

    def run(self, x: Tensor) -> Tensor:
        """The block itself, its activations stored."""
        y = x
        for name in self.path:
            y = getattr(self, name)(y)
        return self.act(y + (x if self.downsample is None else self.downsample(x)))
