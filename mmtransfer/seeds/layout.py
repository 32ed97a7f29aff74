"""Names and shapes of the tensors of a network, without building it.

A layout is a dict, tensor name -> shape, with exactly the entries of the built module's state dict
and in its order, counters of batch normalisation (``num_batches_tracked``, shape ``()``) included.
Remap plans are made from layouts alone.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ..space import SearchSpace
from .networks import Network, candidates, deepest, stem_convs
from .ops import Conv
from .published import Seed, find_seed

Shape = tuple[int, ...]
Layout = dict[str, Shape]

NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')


def network_layout(network: Network) -> Layout:
    """The tensors of a plain backbone: the stem, then the layers."""
    layout = dict(_block('', stem_convs(network.seed)))
    for layer in network.layers:
        layout.update(_block(layer.name, layer.convs))
    return layout


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
    layout = dict(_block('', stem_convs(seed)))
    for stage in candidates(space):
        for layer in itertools.chain(*stage):
            name = layer.name if layer.choice is None else f'{layer.name}.{layer.op}'
            layout.update(_block(name, layer.convs))
    layout.update((f'logits.{i}', (len(c.options),)) for i, c in enumerate(space.choices))
    return layout


def classifier_layout(seed: str) -> Layout:
    """What a seed has beyond its backbone: the last 1x1 convolution, if any, and the classifier."""
    found = find_seed(seed)
    width = found.stages[-1].channels
    head = found.head_channels
    return {
        **(dict(_conv_norm('head', (head, width, 1, 1))) if head else {}),
        'fc.weight': (found.num_classes, head or width),
        'fc.bias': (found.num_classes,),
    }


def image_weight(seed: Seed) -> str:
    """Name of the weight that reads the images, whose input channels are theirs."""
    return f'{stem_convs(seed)[0].name}.conv.weight'


def image_channels(layout: Mapping[str, Shape], seed: Seed, prefix: str = '') -> int:
    """How many channels the images have that a network of these tensors reads.

    Args:
        layout: Of the network, in our names.
        seed: That it is built after.
        prefix: What precedes the names; where the weight is missing, those of the seed are taken.
    """
    shape = layout.get(prefix + image_weight(seed), ())
    return shape[1] if len(shape) == 4 else seed.in_channels


def _block(name: str, convs: Iterable[Conv]) -> Iterator[tuple[str, Shape]]:
    for conv in convs:
        module = f'{name}.{conv.name}' if name else conv.name
        if conv.bias:
            yield f'{module}.conv.weight', conv.shape
            yield f'{module}.conv.bias', conv.shape[:1]
        else:
            yield from _conv_norm(module, conv.shape)


def _conv_norm(name: str, weight: Shape) -> Iterator[tuple[str, Shape]]:
    yield f'{name}.conv.weight', weight
    for part in NORM:
        yield f'{name}.bn.{part}', () if part == 'num_batches_tracked' else weight[:1]
