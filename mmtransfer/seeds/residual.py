"""The blocks of ResNet and their variants as ops. No torch here."""

from dataclasses import dataclass
from typing import ClassVar

from mmtransfer.seeds.ops import POOLED, Conv, Op, read_numbers
from mmtransfer.space import SpaceError


@dataclass(frozen=True)
class Residual(Op):
    """A block of ResNet or of its variants, of whose convolutions one is searched.

    Args:
        kernel, groups: Of the searched convolution; the kernel is odd.
        width: Channels per group for every 64 of the block's width (ResNeXt, Table 1: 32x4d); 0:
            ResNet's width.
        se: Squeeze-and-excitation before the sum with the shortcut, through ``1 / se`` of the
            channels (SENet, Fig. 3); 0: none.
        non_local: A non-local module after the block, embedded in ``1 / non_local`` of its channels
            (Non-local Neural Networks, Sec. 3.3); 0: none.
        averaged: The shortcut averages over the windows of its stride before its convolution, whose
            stride is 1 then (Bag of Tricks, Fig. 2c): the same tensors and costs, other values.
    """

    kernel: int
    groups: int
    width: int = 0
    se: int = 0
    non_local: int = 0
    averaged: bool = False

    letter: ClassVar[str] = 'g'

    @classmethod
    def read(cls, text: str, averaged: bool = False) -> 'Residual':
        """The op of a text, ``'k3g32w4s16'`` of kernel 3, 32 groups, width 4 and SE ratio 16."""
        form = (
            "'k5g2' (kernel 5, odd, and 2 groups); after the groups may follow, in this order, "
            "'w4', 's16' and 'n2' (width, SE ratio, non-local module)"
        )
        kernel, groups, width, se, non_local = read_numbers(text, 'kg', form, optional='wsn')
        return cls(kernel, groups, width, se, non_local, averaged)

    @property
    def text(self) -> str:
        """``'k5g2'``; the kind of block says whether the shortcut averages."""
        variant = {'w': self.width, 's': self.se, 'n': self.non_local}
        more = ''.join(f'{letter}{number}' for letter, number in variant.items() if number)
        return f'k{self.kernel}g{self.groups}{more}'

    @property
    def numbers(self) -> tuple[int, int]:
        """Kernel and groups."""
        return self.kernel, self.groups

    def meaning(self) -> str:
        """How many groups it has."""
        return f'{self.groups} group{"s" * (self.groups > 1)}'

    def notes(self) -> tuple[str, ...]:
        """What the variants' letters stand for."""
        notes = (
            (self.width, f'W{self.width}: {self.width} channels per group (ResNeXt)'),
            (self.se, f'S{self.se}: squeeze-and-excitation, 1/{self.se}'),
            (self.non_local, f'N{self.non_local}: non-local, 1/{self.non_local}'),
        )
        return tuple(note for number, note in notes if number)

    def _around(self, in_channels: int, out_channels: int, stride: int) -> tuple[Conv, ...]:
        """The convolutions beside the main path: the shortcut's where it changes shape, those of
        squeeze-and-excitation and of a non-local module."""
        convs: list[Conv] = []
        if stride > 1 or in_channels != out_channels:
            convs.append(Conv('downsample', in_channels, out_channels, 1, stride))
        if self.se:
            squeezed = out_channels // self.se
            convs += [
                Conv('se.fc1', out_channels, squeezed, 1, POOLED, bias=True),
                Conv('se.fc2', squeezed, out_channels, 1, POOLED, bias=True),
            ]
        if self.non_local:
            inner = out_channels // self.non_local
            convs += [
                Conv('non_local.g', out_channels, inner, 1, stride, bias=True),
                Conv('non_local.conv_out', inner, out_channels, 1, stride),
                Conv('non_local.theta', out_channels, inner, 1, stride, bias=True),
                Conv('non_local.phi', out_channels, inner, 1, stride, bias=True),
            ]
        return tuple(convs)


@dataclass(frozen=True)
class Basic(Residual):
    """ResNet's basic block; its first convolution is searched (FNA++, Fig. 5, left)."""

    def __post_init__(self) -> None:
        if self.width:
            raise SpaceError(
                f'a basic block has no width of its own (w{self.width}); received {self.text!r}'
            )

    def convs(self, in_channels: int, out_channels: int, stride: int) -> tuple[Conv, ...]:
        """Two convolutions and what is around them."""
        return (
            Conv('conv1', in_channels, out_channels, self.kernel, stride, self.groups),
            Conv('conv2', out_channels, out_channels, 3, stride),
            *self._around(in_channels, out_channels, stride),
        )


@dataclass(frozen=True)
class Bottleneck(Residual):
    """ResNet's bottleneck; its second convolution is searched (FNA++, Fig. 5, right)."""

    def convs(self, in_channels: int, out_channels: int, stride: int) -> tuple[Conv, ...]:
        """Three convolutions and what is around them."""
        hidden = out_channels // 4
        if self.width:
            hidden = hidden * self.width // 64 * self.groups
        return (
            Conv('conv1', in_channels, hidden, 1),
            Conv('conv2', hidden, hidden, self.kernel, stride, self.groups),
            Conv('conv3', hidden, out_channels, 1, stride),
            *self._around(in_channels, out_channels, stride),
        )
