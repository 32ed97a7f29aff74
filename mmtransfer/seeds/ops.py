"""What an op is made of: the convolutions of a block, as data. No torch here.

Layouts, costs, namings and remap plans all follow from this list, so a new kind of block is one
function here, one module in ``blocks/`` and one naming.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mmtransfer.limits import FACTOR, KERNEL, short
from mmtransfer.space import SpaceError

POOLED = 0
_OP = re.compile(
    'k(N)(?:e(N)|g(N)(wN)?(sN)?(nN)?)'.replace('N', f'[1-9][0-9]{{0,{len(str(FACTOR)) - 1}}}')
)


@dataclass(frozen=True)
class Conv:
    """One convolution of a block and its norm, or its bias.

    Args:
        name: Of its module in the block, ``'expand'``; ``'se.fc1'`` is the module ``fc1`` in the
            block's ``se``.
        in_channels, out_channels, kernel, groups: Of the convolution.
        reduction: Size of the block's input over the size of this convolution's output;
            :data:`POOLED` where the output is 1x1.
        bias: It has a bias and no norm, instead of a norm and no bias.
    """

    name: str
    in_channels: int
    out_channels: int
    kernel: int
    reduction: int = 1
    groups: int = 1
    bias: bool = False

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the weight: (out, in / groups, kernel, kernel)."""
        return self.out_channels, self.in_channels // self.groups, self.kernel, self.kernel


def parse_op(op: str) -> tuple[int, int]:
    """The two numbers of an op: ``'k5e3'`` is kernel 5 and expansion 3, ``'k5g2'`` 2 groups.

    Raises:
        SpaceError: It does not read like that.
    """
    found = _parse(op)
    return int(found[1]), int(found[2] or found[3])


@dataclass(frozen=True)
class Variant:
    """What a residual block has beyond ResNet's, read from the end of its op.

    Args:
        width: ``'k3g32w4'``: so many channels per group and 64 of the block's width (ResNeXt,
            Table 1: 32x4d); 0: ResNet's width.
        se: ``'k3g1s16'``: squeeze-and-excitation before the sum with the shortcut, through 1/16 of
            the channels (SENet, Fig. 3); 0: none.
        non_local: ``'k3g1n2'``: a non-local module after the block, embedded in 1/2 of its channels
            (Non-local Neural Networks, Sec. 3.3); 0: none.
    """

    width: int = 0
    se: int = 0
    non_local: int = 0


def variant(op: str) -> Variant:
    """The variant that an op asks for; ``'k3g1'`` for none.

    Raises:
        SpaceError: The op does not read as one.
    """
    return Variant(*(int(part[1:]) if part else 0 for part in _parse(op).groups()[3:]))


def _parse(op: str) -> re.Match[str]:
    found = _OP.fullmatch(op)
    numbers = [int(part.lstrip('wsn')) for part in found.groups() if part] if found else []
    if not found or numbers[0] % 2 == 0 or numbers[0] > KERNEL or max(numbers) > FACTOR:
        raise SpaceError(
            f"an op must read like 'k5e3' (kernel 5, odd, and expansion 3) or 'k5g2' (2 groups); "
            f"after the groups may follow, in this order, 'w4', 's16' and 'n2' (width, SE ratio, "
            f'non-local module); kernels are at most {KERNEL}, other numbers {FACTOR}; received '
            f'{short(op)}'
        )
    return found


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
    extra = variant(op)
    if extra.width:
        raise SpaceError(f'a basic block has no width of its own (w{extra.width}); received {op!r}')
    return (
        Conv('conv1', inputs, outputs, kernel, stride, groups),
        Conv('conv2', outputs, outputs, 3, stride),
        *_downsample(inputs, outputs, stride),
        *_attention(outputs, stride, extra),
    )


def bottleneck(inputs: int, outputs: int, stride: int, op: str) -> tuple[Conv, ...]:
    """ResNet's bottleneck; its second convolution is searched (FNA++, Fig. 5, right)."""
    kernel, groups = parse_op(op)
    extra = variant(op)
    hidden = outputs // 4
    if extra.width:
        hidden = hidden * extra.width // 64 * groups
    return (
        Conv('conv1', inputs, hidden, 1),
        Conv('conv2', hidden, hidden, kernel, stride, groups),
        Conv('conv3', hidden, outputs, 1, stride),
        *_downsample(inputs, outputs, stride),
        *_attention(outputs, stride, extra),
    )


def _downsample(inputs: int, outputs: int, stride: int) -> tuple[Conv, ...]:
    """The convolution of a shortcut that changes shape."""
    if stride == 1 and inputs == outputs:
        return ()
    return (Conv('downsample', inputs, outputs, 1, stride),)


def _attention(channels: int, stride: int, extra: Variant) -> tuple[Conv, ...]:
    """The convolutions of squeeze-and-excitation and of a non-local module."""
    convs: list[Conv] = []
    if extra.se:
        squeezed = channels // extra.se
        convs += [
            Conv('se.fc1', channels, squeezed, 1, POOLED, bias=True),
            Conv('se.fc2', squeezed, channels, 1, POOLED, bias=True),
        ]
    if extra.non_local:
        inner = channels // extra.non_local
        convs += [
            Conv('non_local.g', channels, inner, 1, stride, bias=True),
            Conv('non_local.conv_out', inner, channels, 1, stride),
            Conv('non_local.theta', channels, inner, 1, stride, bias=True),
            Conv('non_local.phi', channels, inner, 1, stride, bias=True),
        ]
    return tuple(convs)


# The averaged kinds average over the windows of a shortcut's stride before its convolution, whose
# stride is 1 then (Bag of Tricks, Fig. 2c): the same tensors and costs, other values.
# Kind of block -> (in channels, out channels, stride, op) -> its convolutions, in module order.
BLOCKS: dict[str, Callable[[int, int, int, str], tuple[Conv, ...]]] = {
    'mbconv': mbconv,
    'mbconv_expanded': mbconv_expanded,
    'basic': basic,
    'bottleneck': bottleneck,
    'basic_averaged': basic,
    'bottleneck_averaged': bottleneck,
}
