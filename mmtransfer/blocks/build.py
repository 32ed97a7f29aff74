"""A block of any kind from its op."""

from typing import Any

from mmtransfer.blocks.mbconv import MBConv
from mmtransfer.blocks.residual import Residual
from mmtransfer.seeds import parse_op
from mmtransfer.seeds.ops import BLOCKS
from mmtransfer.seeds.published import family_of


def build_block(
    kind: str,
    in_channels: int,
    out_channels: int,
    stride: int,
    op: str,
    *,
    dilation: int = 1,
    same_padding: bool = False,
    norm_cfg: dict[str, Any],
    act_cfg: dict[str, Any],
    with_cp: bool = False,
) -> MBConv | Residual:
    """The module of one layer.

    Args:
        kind: A key of :data:`mmtransfer.seeds.ops.BLOCKS`.
        in_channels, out_channels, stride: Of the block.
        op: ``'k5e3'`` for an MBConv, ``'k5g2'`` for the others.
        dilation: Of its spatial convolutions.
        same_padding: Pad as TensorFlow's SAME does; MBConv only.
        norm_cfg, act_cfg: MMCV configs of norms and activation.
        with_cp: Recompute the activations in the backward pass.
    """
    common: dict[str, Any] = dict(
        dilation=dilation, norm_cfg=norm_cfg, act_cfg=act_cfg, with_cp=with_cp
    )
    if family_of(kind) == 'mbconv':
        kernel, expansion = parse_op(op)
        return MBConv(
            in_channels,
            out_channels,
            kernel,
            stride,
            expansion,
            expanded=kind == 'mbconv_expanded',
            same_padding=same_padding,
            **common,
        )
    convs = BLOCKS[kind](in_channels, out_channels, stride, op)
    return Residual(convs, averaged=kind.endswith('_averaged'), **common)
