"""Names and shapes of the tensors of a network, without building it.

A layout is a dict, tensor name -> shape, with exactly the entries of the built module's state dict
and in its order, counters of batch normalisation (``num_batches_tracked``, shape ``()``) included.
Remap plans are made from layouts alone.
"""

from collections.abc import Iterable, Iterator, Mapping

from mmtransfer.seeds.networks import Network, stem_convs
from mmtransfer.seeds.ops import Conv, Shape
from mmtransfer.seeds.published import Seed

Layout = dict[str, Shape]

NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')


def network_layout(network: Network) -> Layout:
    """The tensors of a plain backbone: the stem, then the nodes."""
    layout = dict(block_layout('', stem_convs(network.seed)))
    for node in network.nodes:
        layout.update((f'{node.name}.{name}', shape) for name, shape in node.parameters.items())
        layout.update(block_layout(node.name, node.convs))
    return layout


def classifier_layout(seed: Seed) -> Layout:
    """What a seed has beyond its backbone: the last 1x1 convolution, if any, and the classifier."""
    width = seed.stages[-1].channels
    head = seed.head_channels
    return {
        **(dict(_conv_norm('head', (head, width, 1, 1))) if head else {}),
        'fc.weight': (seed.num_classes, head or width),
        'fc.bias': (seed.num_classes,),
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


def block_layout(name: str, convs: Iterable[Conv]) -> Iterator[tuple[str, Shape]]:
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
