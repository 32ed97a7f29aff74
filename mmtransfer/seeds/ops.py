"""What a node of a network computes, as a value. No torch here.

Layouts, costs, names in checkpoints, remap plans and pictures all follow from what an op says of
itself. A new op is a frozen dataclass here or anywhere (``Op``), its module
(``mmtransfer.blocks.build_block``) and the kind of block whose texts it reads
(``mmtransfer.seeds.kinds.BLOCK_KINDS``).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from mmtransfer.limits import FACTOR, KERNEL, short
from mmtransfer.space import SpaceError

POOLED = 0
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Conv:
    """One convolution of a block and its norm, or its bias.

    Args:
        name: Of its module in the block, ``'expand'``; ``'se.fc1'`` is the module ``fc1`` in the
            block's ``se``.
        in_channels, out_channels, kernel, groups: Of the convolution.
        reduction: Size of the block's input over the size of this convolution's output;
            ``POOLED`` where the output is 1x1.
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


@dataclass(frozen=True)
class Axis:
    """Channels that several convolutions of a block share, so that one choice must hold for all.

    Args:
        members: Module in the block -> the dimension of its tensors that these channels are; the
            convolution that makes them comes first.
        norm: The batch norm's weight that ranks them.
        weights: The convolutions' weights that rank them; the first one that is there is taken.
    """

    members: Mapping[str, int]
    norm: str
    weights: tuple[str, ...]

    def makers(self) -> Iterator[str]:
        """The convolutions whose output channels these are, the one that makes them first."""
        names = (name for name, dim in self.members.items() if dim == 0)
        return (name.removesuffix('.conv') for name in names if name.endswith('.conv'))


class Op:
    """What a node computes: the base of all ops, each a frozen dataclass of its settings.

    An op must give its ``text``; what it does not override is that of an op without weights, such
    as a pooling: no convolutions, hence no tensors, no parameters and no multiply-adds.

    Attributes:
        joins: Its module is called with each of its node's inputs, as many arguments; otherwise
            with their sum.
        letter: Of the second of its ``numbers`` in pictures, ``'e'``; none: they show its text.
        hidden: The hidden channels that its convolutions share, if other networks may have more or
            fewer of them.
    """

    joins: ClassVar[bool] = False
    letter: ClassVar[str] = ''
    hidden: ClassVar[Axis | None] = None

    @property
    def text(self) -> str:
        """How architectures write it: ``'k3e6'``. The kind of block reads it back."""
        raise NotImplementedError

    @property
    def numbers(self) -> tuple[int, int]:
        """Its kernel and a second number, by which one op is nearer to another; pictures draw them
        as height and width."""
        return 1, 1

    def convs(self, in_channels: int, out_channels: int, stride: int) -> tuple[Conv, ...]:
        """Its convolutions between so many channels, in module order."""
        return ()

    def parameters(self, in_channels: int, out_channels: int) -> Mapping[str, Shape]:
        """Name -> shape of the parameters that its module has beside its convolutions."""
        return {}

    def expanded_channels(self, in_channels: int) -> int:
        """Channels of its expansion, which its module's ``forward_with_expansion`` returns; 0: it
        has no such method."""
        return 0

    def meaning(self) -> str:
        """The second of its numbers in words, for a picture's legend: ``'expansion 6'``."""
        return f'{self.letter.upper()}{self.numbers[1]}'

    def notes(self) -> tuple[str, ...]:
        """What a picture's legend must explain of its text."""
        return ()


def read_numbers(text: str, letters: str, form: str, optional: str = '') -> tuple[int, ...]:
    """The numbers of a text such as ``'k5g2s16'``, in the order of the letters; 0: not there.

    Args:
        text: A kernel and further numbers, each behind its letter.
        letters: Those that must be there, the kernel's first: ``'kg'``.
        form: How a text must read, for the error.
        optional: Those that may follow, in this order: ``'wsn'``.

    Raises:
        SpaceError: It does not read so, its kernel is even or a number is too large.
    """
    number = f'([1-9][0-9]{{0,{len(str(FACTOR)) - 1}}})'
    pattern = ''.join(f'{letter}{number}' for letter in letters)
    pattern += ''.join(f'(?:{letter}{number})?' for letter in optional)
    found = re.fullmatch(pattern, text)
    numbers = tuple(int(part or 0) for part in found.groups()) if found else ()
    if not numbers or numbers[0] % 2 == 0 or numbers[0] > KERNEL or max(numbers) > FACTOR:
        raise SpaceError(
            f'an op must read like {form}; kernels are at most {KERNEL}, other numbers {FACTOR}; '
            f'received {short(text)}'
        )
    return numbers
