"""What convolutions and blocks cost, in integers. No torch here.

Multiply-adds are counted as in the tables of FNA++: those of the convolutions, and one add per
output element of every convolution with a bias. Those of a block have none but in squeeze-and-
excitation and non-local modules; norms, gates and the products of two feature maps are not counted.
Parameters are all parameters, the norms' affine ones included.
"""

import math
from collections.abc import Iterable

from mmtransfer.seeds import Conv, Node, Seed
from mmtransfer.seeds.networks import Size, stem_convs, strided
from mmtransfer.seeds.ops import POOLED


def conv_params(
    in_channels: int, out_channels: int, kernel: int, *, groups: int = 1, bias: bool = False
) -> int:
    """Parameters of a convolution with a square kernel."""
    return in_channels // groups * out_channels * kernel**2 + (out_channels if bias else 0)


def conv_madds(
    in_channels: int,
    out_channels: int,
    kernel: int,
    out_size: Size,
    *,
    groups: int = 1,
    bias: bool = False,
) -> int:
    """Multiply-adds of a convolution with a square kernel.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel: Size of the kernel.
        out_size: (H, W) of the output.
        groups: Groups of the convolution.
        bias: Whether it adds a bias.
    """
    per_position = conv_params(in_channels, out_channels, kernel, groups=groups, bias=bias)
    return out_size[0] * out_size[1] * per_position


def norm_params(channels: int) -> int:
    """Weights and biases of a norm."""
    return 2 * channels


def stem_madds(seed: Seed, size: Size) -> int:
    """Multiply-adds of a seed's stem, of stride 2, on an image of this (H, W)."""
    return _madds(stem_convs(seed), size)


def stem_params(seed: Seed) -> int:
    """Parameters of the stem and its norms."""
    return _params(stem_convs(seed))


def node_madds(node: Node, size: Size) -> int:
    """Multiply-adds of a node whose input has this (H, W)."""
    return _madds(node.convs, size)


def node_params(node: Node) -> int:
    """Parameters of a node, those of its norms included."""
    return _params(node.convs) + sum(map(math.prod, node.parameters.values()))


def _madds(convs: Iterable[Conv], size: Size) -> int:
    return sum(
        conv_madds(
            c.in_channels, c.out_channels, c.kernel, _output(c, size), groups=c.groups, bias=c.bias
        )
        for c in convs
    )


def _params(convs: Iterable[Conv]) -> int:
    return sum(
        conv_params(c.in_channels, c.out_channels, c.kernel, groups=c.groups, bias=c.bias)
        + (0 if c.bias else norm_params(c.out_channels))
        for c in convs
    )


def _output(conv: Conv, size: Size) -> Size:
    """(H, W) of a convolution's output in a block whose input has this one."""
    return (1, 1) if conv.reduction == POOLED else strided(size, conv.reduction)
