"""Names and shapes of the tensors of a supernet, without building it. No torch here."""

import itertools
from dataclasses import replace

from mmtransfer.seeds.layout import Layout, block_layout, network_layout
from mmtransfer.seeds.networks import stem_convs
from mmtransfer.seeds.published import find_seed
from mmtransfer.space import SearchSpace
from mmtransfer.spaces.networks import candidates, deepest


def supernet_layout(space: SearchSpace, in_channels: int = 3) -> Layout:
    """The tensors of the supernet of a space.

    That of block allocations is the deepest network. Elsewhere candidates are named by their
    position in the space, ``stages.S.L.k3e6.expand.conv.weight``; layers that are not searched as
    in the plain backbone; the logits ``logits.I`` by the index of their choice. A skip has no
    tensors.

    Args:
        space: The space that the supernet spans.
        in_channels: Of the images.
    """
    if space.name == 'depth':
        return network_layout(deepest(space).reading(in_channels))
    seed = replace(find_seed(space.seed), in_channels=in_channels)
    layout = dict(block_layout('', stem_convs(seed)))
    for stage in candidates(space):
        for node in itertools.chain(*stage):
            name = node.name if node.choice is None else f'{node.name}.{node.op.text}'
            layout.update(block_layout(name, node.convs))
    layout.update((f'logits.{i}', (len(c.options),)) for i, c in enumerate(space.choices))
    return layout
