"""The inverted residual of MobileNetV2 as an op. No torch here."""

from dataclasses import dataclass
from typing import ClassVar

from mmtransfer.seeds.ops import Axis, Conv, Op, read_numbers

# The depthwise batch norm is the last to scale the hidden channels before the projection mixes
# them, and every block has one, with or without expansion. The expansion's weights are what makes a
# hidden channel; a block without expansion has the depthwise ones only.
HIDDEN = Axis(
    members={
        'expand.conv': 0,
        'expand.bn': 0,
        'depthwise.conv': 0,
        'depthwise.bn': 0,
        'project.conv': 1,
    },
    norm='depthwise.bn.weight',
    weights=('expand.conv.weight', 'depthwise.conv.weight'),
)


@dataclass(frozen=True)
class MBConv(Op):
    """An inverted residual: 1x1 expansion, depthwise convolution, linear 1x1 projection.

    Args:
        kernel: Of the depthwise convolution, odd.
        expansion: Hidden channels per input channel; at 1 there is no expansion convolution.
        expanded: There is one at 1 too.
    """

    kernel: int
    expansion: int
    expanded: bool = False

    letter: ClassVar[str] = 'e'
    hidden: ClassVar[Axis] = HIDDEN

    @classmethod
    def read(cls, text: str, expanded: bool = False) -> 'MBConv':
        """The op of a text, ``'k5e3'`` of kernel 5 and expansion 3."""
        form = "'k5e3' (kernel 5, odd, and expansion 3)"
        kernel, expansion = read_numbers(text, 'ke', form)
        return cls(kernel, expansion, expanded)

    @property
    def text(self) -> str:
        """``'k5e3'``; the kind of block says whether an expansion of 1 has a convolution."""
        return f'k{self.kernel}e{self.expansion}'

    @property
    def numbers(self) -> tuple[int, int]:
        """Kernel and expansion."""
        return self.kernel, self.expansion

    def meaning(self) -> str:
        """Its expansion."""
        return f'expansion {self.expansion}'

    def convs(self, in_channels: int, out_channels: int, stride: int) -> tuple[Conv, ...]:
        """Expansion, depthwise convolution and projection."""
        hidden = in_channels * self.expansion
        convs = (
            Conv('expand', in_channels, hidden, 1),
            Conv('depthwise', hidden, hidden, self.kernel, stride, groups=hidden),
            Conv('project', hidden, out_channels, 1, stride),
        )
        return convs if self.expansion > 1 or self.expanded else convs[1:]

    def expanded_channels(self, in_channels: int) -> int:
        """Those of the depthwise convolution."""
        return in_channels * self.expansion
