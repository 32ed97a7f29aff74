"""Names and shapes of the tensors of a supernet, without building it. No torch here."""

from mmtransfer.seeds.layout import Layout
from mmtransfer.space import SearchSpace
from mmtransfer.spaces.kinds import record_of


def supernet_layout(space: SearchSpace, in_channels: int = 3) -> Layout:
    """The tensors of the supernet of a space.

    Args:
        space: The space that the supernet spans.
        in_channels: Of the images.
    """
    return record_of(space).layout(space, in_channels)
