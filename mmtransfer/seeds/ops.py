"""What an op is made of: the convolutions of a block, as data. No torch here.

Layouts, costs, namings and remap plans all follow from this list, so a new kind of block is one
function here, one module in ``blocks/`` and one naming.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ..space import SpaceError


@dataclass(frozen=True)
class Conv:
    """One convolution of a block, without bias, with its norm.

    Args:
        name: Of its module in the block, ``'expand'``.
        in_channels, out_channels, kernel, groups: Of the convolution.
        reduction: Size of the block's input over the size of this convolution's output.
    """

    name: str
    in_channels: int
    out_channels: int
    kernel: int
    reduction: int = 1
    groups: int = 1

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the weight: (out, in / groups, kernel, kernel)."""
        return self.out_channels, self.in_channels // self.groups, self.kernel, self.kernel


def parse_op(op: str) -> tuple[int, int]:
    """The two numbers of an op: ``'k5e3'`` is kernel 5 and expansion 3, ``'k5g2'`` 2 groups.

    Raises:
        SpaceError: It does not read like that.
    """
    found = re.fullmatch(r'k([1-9]\d*)[eg]([1-9]\d*)', op)
    if not found or int(found[1]) % 2 == 0:
        raise SpaceError(
            f"an op must read like 'k5e3' (kernel 5, odd, and expansion 3) or 'k5g2' (2 groups); "
            f'received {op!r}'
        )
    return int(found[1]), int(found[2])


def mbconv(inputs: int, outputs: int, stride: int, op: str) -> tuple[Conv, ...]:
    """An inverted residual; at expansion 1 it has no expansion convolution."""
    convs = mbconv_expanded(inputs, outputs, stride, op)
    return convs if parse_op(op)[1] > 1 else convs[1:]


def mbconv_expanded(inputs: int, outputs: int, stride: int, op: str) -> tuple[Conv, ...]:
    """An inverted residual with an expansion convolution at expansion 1 too."""
    kernel, expansion = parse_op(op)
    hidden = inputs * expansion
    return (
        Conv('expand', inputs, hidden, 1),
        Conv('depthwise', hidden, hidden, kernel, stride, groups=hidden),
        Conv('project', hidden, outputs, 1, stride),
    )


def basic(inputs: int, outputs: int, stride: int, op: str) -> tuple[Conv, ...]:
    """ResNet's basic block; its first convolution is searched (FNA++, Fig. 5, left)."""
    kernel, groups = parse_op(op)
    return (
        Conv('conv1', inputs, outputs, kernel, stride, groups),
        Conv('conv2', outputs, outputs, 3, stride),
        *_downsample(inputs, outputs, stride),
    )


def bottleneck(inputs: int, outputs: int, stride: int, op: str) -> tuple[Conv, ...]:
    """ResNet's bottleneck; its second convolution is searched (FNA++, Fig. 5, right)."""
    kernel, groups = parse_op(op)
    hidden = outputs // 4
    return (
        Conv('conv1', inputs, hidden, 1),
        Conv('conv2', hidden, hidden, kernel, stride, groups),
        Conv('conv3', hidden, outputs, 1, stride),
        *_downsample(inputs, outputs, stride),
    )


def _downsample(inputs: int, outputs: int, stride: int) -> tuple[Conv, ...]:
    """The convolution of a shortcut that changes shape."""
    if stride == 1 and inputs == outputs:
        return ()
    return (Conv('downsample', inputs, outputs, 1, stride),)


# Kind of block -> (in channels, out channels, stride, op) -> its convolutions, in module order.
BLOCKS: dict[str, Callable[[int, int, int, str], tuple[Conv, ...]]] = {
    'mbconv': mbconv,
    'mbconv_expanded': mbconv_expanded,
    'basic': basic,
    'bottleneck': bottleneck,
}
