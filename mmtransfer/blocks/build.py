"""The module of a node."""

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from torch import nn

from mmtransfer.blocks.mbconv import MBConv
from mmtransfer.blocks.residual import Residual
from mmtransfer.seeds import Node, Op
from mmtransfer.seeds import mbconv as mbconv_op
from mmtransfer.seeds import residual as residual_op


@dataclass(frozen=True, kw_only=True)
class Style:
    """What all blocks of a backbone have in common.

    Args:
        norm_cfg, act_cfg: MMCV configs of norms and activation.
        same_padding: Pad as TensorFlow's SAME does; MBConv only.
        with_cp: Recompute the activations in the backward pass.
    """

    norm_cfg: dict[str, Any]
    act_cfg: dict[str, Any]
    same_padding: bool = False
    with_cp: bool = False


@singledispatch
def build_block(op: Op, node: Node, style: Style) -> nn.Module:
    """The module of a node, by the class of its op.

    A class of ops from elsewhere registers its own::

        @build_block.register
        def _(op: Average, node: Node, style: Style) -> nn.Module:
            return nn.AvgPool2d(op.kernel, node.stride, op.kernel // 2)

    The module maps (N, ``in_channels``, H, W) to (N, ``out_channels``, ...), H and W divided by the
    stride and rounded up.

    Args:
        op: The node's op, whose class decides.
        node: Gives channels, stride and dilation.
        style: Gives what all blocks of the backbone have in common.

    Raises:
        TypeError: The class has no module.
    """
    raise TypeError(
        f'an op must have a module; {type(op).__name__} of {node.name} has none. Register a '
        f'function (op, node, style) that makes it: mmtransfer.blocks.build_block.register'
    )


@build_block.register
def _mbconv(op: mbconv_op.MBConv, node: Node, style: Style) -> nn.Module:
    return MBConv(
        node.in_channels,
        node.out_channels,
        op.kernel,
        node.stride,
        op.expansion,
        expanded=op.expanded,
        dilation=node.dilation,
        same_padding=style.same_padding,
        norm_cfg=style.norm_cfg,
        act_cfg=style.act_cfg,
        with_cp=style.with_cp,
    )


@build_block.register
def _residual(op: residual_op.Residual, node: Node, style: Style) -> nn.Module:
    return Residual(
        node.convs,
        averaged=op.averaged,
        dilation=node.dilation,
        norm_cfg=style.norm_cfg,
        act_cfg=style.act_cfg,
        with_cp=style.with_cp,
    )
