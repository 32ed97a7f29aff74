"""The kinds of blocks that seeds are made of: how they write their ops. No torch here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mmtransfer.limits import listed, short
from mmtransfer.seeds.mbconv import MBConv
from mmtransfer.seeds.ops import Op
from mmtransfer.seeds.residual import Basic, Bottleneck
from mmtransfer.space import SpaceError


@dataclass(frozen=True)
class BlockKind:
    """What the blocks of a seed have in common.

    Args:
        label: How captions call it.
        read: The op of a text; it raises SpaceError where it cannot read it.
        space: The kind of space around its seeds where none is named.
        two_styles: It is published in two styles: with the stride in the spatial convolution, as
            here, and with the stride in the first one (Caffe's).
    """

    label: str
    read: Callable[[str], Op]
    space: str = 'depth'
    two_styles: bool = False


BLOCK_KINDS: dict[str, BlockKind] = {
    'mbconv': BlockKind('MBConv', MBConv.read, 'mbconv'),
    # Blocks of expansion 1 have an expansion convolution too.
    'mbconv_expanded': BlockKind('MBConv', partial(MBConv.read, expanded=True), 'mbconv'),
    'basic': BlockKind('basic', Basic.read, 'residual'),
    'bottleneck': BlockKind('bottleneck', Bottleneck.read, 'residual', two_styles=True),
    'basic_averaged': BlockKind('basic', partial(Basic.read, averaged=True), 'residual'),
    'bottleneck_averaged': BlockKind(
        'bottleneck', partial(Bottleneck.read, averaged=True), 'residual', two_styles=True
    ),
}


def register_block(name: str, kind: BlockKind) -> None:
    """Add a kind of block, which seeds then name as their ``block``.

    Raises:
        SpaceError: The name is taken.
    """
    if name in BLOCK_KINDS:
        raise SpaceError(
            f'a kind of block must have a name of its own; received {short(name)}, which is taken, '
            f'as are {listed(BLOCK_KINDS)}. Choose another name.'
        )
    BLOCK_KINDS[name] = kind
