"""Names and shapes of the tensors of a network, without building it.

A layout is a dict, tensor name -> shape, with exactly the entries of the built module's state dict
and in its order, counters of batch normalisation (``num_batches_tracked``, shape ``()``) included.
Remap plans are made from layouts alone.
"""

from collections.abc import Iterator

from ..space import SearchSpace
from .mbconv import SKIP, Layer, Network, Seed, find_seed, parse_op, seed_network, space_stages

Shape = tuple[int, ...]
Layout = dict[str, Shape]

NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')


def network_layout(network: Network) -> Layout:
    """The tensors of a plain backbone: the stem, then the layers."""
    layout = dict(_stem(network.seed))
    for layer in network.layers:
        layout.update(_layer(layer))
    return layout


def supernet_layout(space: SearchSpace) -> Layout:
    """The tensors of the supernet of an MBConv space.

    Candidates are named by their position in the space, ``stages.S.L.k3e6.expand.conv.weight``;
    layers that are not searched as in the plain backbone; the logits ``logits.I`` by the index of
    their choice. A skip has no tensors.
    """
    plain = seed_network(space.seed)
    layout = dict(_stem(plain.seed))
    width = plain.seed.stem_channels
    for s, choices in enumerate(space_stages(space)):
        channels = plain.seed.stages[s].channels
        if not choices:
            for layer in plain.stages[s]:
                layout.update(_layer(layer))
        for position, choice in enumerate(choices):
            inputs = width if position == 0 else channels
            for op in choice.options:
                if op != SKIP:
                    name = f'stages.{s}.{position}.{op}'
                    layout.update(_mbconv(name, inputs, channels, *parse_op(op)))
        width = channels
    layout.update((f'logits.{i}', (len(c.options),)) for i, c in enumerate(space.choices))
    return layout


def classifier_layout(seed: str) -> Layout:
    """What a seed has beyond its backbone: the last 1x1 convolution and the classifier."""
    found = find_seed(seed)
    head, width = found.head_channels, found.stages[-1].channels
    return {
        **dict(_conv_norm('head', (head, width, 1, 1))),
        'fc.weight': (found.num_classes, head),
        'fc.bias': (found.num_classes,),
    }


def _stem(seed: Seed) -> Iterator[tuple[str, Shape]]:
    return _conv_norm('stem', (seed.stem_channels, 3, 3, 3))


def _layer(layer: Layer) -> Iterator[tuple[str, Shape]]:
    return _mbconv(layer.name, layer.in_channels, layer.out_channels, layer.kernel, layer.expansion)


def _mbconv(
    name: str, inputs: int, outputs: int, kernel: int, expansion: int
) -> Iterator[tuple[str, Shape]]:
    hidden = inputs * expansion
    if expansion > 1:
        yield from _conv_norm(f'{name}.expand', (hidden, inputs, 1, 1))
    yield from _conv_norm(f'{name}.depthwise', (hidden, 1, kernel, kernel))
    yield from _conv_norm(f'{name}.project', (outputs, hidden, 1, 1))


def _conv_norm(name: str, weight: Shape) -> Iterator[tuple[str, Shape]]:
    yield f'{name}.conv.weight', weight
    for part in NORM:
        yield f'{name}.bn.{part}', () if part == 'num_batches_tracked' else weight[:1]
