"""Names and shapes of the tensors of a network, without building it.

A layout is a dict, tensor name -> shape, with exactly the entries of the built module's state dict
and in its order, counters of batch normalisation (``num_batches_tracked``, shape ``()``) included.
Remap plans are made from layouts alone.
"""

import itertools
from collections.abc import Iterable, Iterator

from ..space import SearchSpace
from .networks import Network, candidates, deepest
from .ops import Conv
from .published import Seed, find_seed

Shape = tuple[int, ...]
Layout = dict[str, Shape]

NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')


def network_layout(network: Network) -> Layout:
    """The tensors of a plain backbone: the stem, then the layers."""
    layout = dict(_stem(network.seed))
    for layer in network.layers:
        layout.update(_block(layer.name, layer.convs))
    return layout


def supernet_layout(space: SearchSpace) -> Layout:
    """The tensors of the supernet of a space.

    That of block allocations is the deepest network. Elsewhere candidates are named by their
    position in the space, ``stages.S.L.k3e6.expand.conv.weight``; layers that are not searched as
    in the plain backbone; the logits ``logits.I`` by the index of their choice. A skip has no
    tensors.
    """
    if space.name == 'depth':
        return network_layout(deepest(space))
    layout = dict(_stem(find_seed(space.seed)))
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


def _stem(seed: Seed) -> Iterator[tuple[str, Shape]]:
    return _conv_norm('stem', (seed.stem_channels, 3, seed.stem_kernel, seed.stem_kernel))


def _block(name: str, convs: Iterable[Conv]) -> Iterator[tuple[str, Shape]]:
    for conv in convs:
        if conv.bias:
            yield f'{name}.{conv.name}.conv.weight', conv.shape
            yield f'{name}.{conv.name}.conv.bias', conv.shape[:1]
        else:
            yield from _conv_norm(f'{name}.{conv.name}', conv.shape)


def _conv_norm(name: str, weight: Shape) -> Iterator[tuple[str, Shape]]:
    yield f'{name}.conv.weight', weight
    for part in NORM:
        yield f'{name}.bn.{part}', () if part == 'num_batches_tracked' else weight[:1]
