"""How published checkpoints call the tensors of a seed, and telling which naming a file follows.

A naming is a function from a network to a dict, our tensor name -> the checkpoint's, for the
backbone and for those parts of the classifier that the naming knows. All names are generated from
the network's layers; nothing is derived from the text of a key. Each family of blocks has its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from ..checkpoints.errors import CheckpointError
from .layout import NORM, Shape, classifier_layout, image_weight, network_layout
from .networks import Layer, Network

Names = dict[str, str]


class SeedCheckpointError(CheckpointError):
    """A checkpoint that does not hold the weights of the seed."""


def recognise(
    tensors: Mapping[str, Shape],
    network: Network,
    source: str = 'the checkpoint',
    prefer: str = '',
    any_images: bool = False,
) -> tuple[str, Names]:
    """Find the naming that a checkpoint follows.

    Args:
        tensors: Tensor name -> shape, of the checkpoint.
        network: The seed that the weights should be of.
        source: What to call the checkpoint in errors, usually its path.
        prefer: What precedes the backbone's names where the checkpoint holds it several times.
        any_images: The first convolution may read images of another number of channels.

    Returns:
        The naming's name, and our tensor name -> the checkpoint's. It has every backbone tensor but
        for counters that the checkpoint lacks, and the classifier's where they are there in the
        seed's own shapes.

    Raises:
        SeedCheckpointError: The names follow no naming known here (the first names and the namings
            are listed), or they do but belong to another network; or they are there several times
            (student and teacher) and none is where ``prefer`` says.
    """
    shapes, known = network_layout(network), namings_of(network)
    images = image_weight(network.seed)
    candidates = []
    for name, naming in known.items():
        names = naming(network)
        for prefix in _prefixes(tensors, names[images]) or ['']:
            found = {ours: prefix + theirs for ours, theirs in names.items()}
            candidates.append((name, prefix, found))

    def likeness(candidate: tuple[str, str, Names]) -> int:
        return sum(candidate[2][ours] in tensors for ours in shapes)

    def with_classifier(candidate: tuple[str, str, Names]) -> tuple[int, bool, int]:
        name, prefix, _ = candidate  # ResNets differ in the classifier's name alone
        found = _classifier(tensors, network, known[name](network), prefix)
        return likeness(candidate), prefix == prefer, len(found)

    name, prefix, names = max(candidates, key=with_classifier)
    alike = likeness((name, prefix, names))
    if 2 * alike <= len(shapes):
        first = ', '.join(repr(key) for key in list(tensors)[:5]) or 'none'
        raise SeedCheckpointError(
            f'{source} must name its tensors in one of the ways known here: {", ".join(known)} '
            f"(with or without 'backbone.' or the like in front); received {len(tensors)} tensors, "
            f'the first: {first}. {alike} of the {len(shapes)} that the backbone of '
            f'{network.seed.name} needs are there. Give a checkpoint of {network.seed.name} in one '
            f'of these namings, or rename the tensors.'
        )
    same = {p for n, p, found in candidates if n == name and likeness((n, p, found)) == alike}
    if len(same) > 1 and prefer not in same:
        raise SeedCheckpointError(_several(source, same))
    shapes = _with_images(shapes, images, tensors.get(names[images])) if any_images else shapes
    difference = _difference(tensors, shapes, names) or _excess(tensors, shapes, names, prefix)
    if difference:
        raise SeedCheckpointError(
            f'{source} is named as {name} does, but it is a checkpoint of another network than '
            f'{network.seed.name}: {difference}. Give a checkpoint of {network.seed.name}, or name '
            f'the seed that the file belongs to.'
        )
    found = {ours: names[ours] for ours in shapes if names[ours] in tensors}
    return name, found | _classifier(tensors, network, known[name](network), prefix)


def _prefixes(tensors: Iterable[str], name: str) -> list[str]:
    """What precedes a tensor's name wherever it occurs: ``''``, ``'backbone.'`` and the like."""
    ends = (tensor.removesuffix(name) for tensor in tensors if tensor.endswith(name))
    return [prefix for prefix in ends if not prefix or prefix.endswith('.')]


def choose_prefix(tensors: Iterable[str], name: str, prefer: str) -> str:
    """What precedes the names of a network of ours in a checkpoint.

    Args:
        tensors: Names in the checkpoint.
        name: A tensor that every such network has, in our names.
        prefer: What precedes the names in the model. It is taken if it occurs, else its last part
            (``'backbone.'`` of ``'student.backbone.'``), else the only one that occurs.

    Raises:
        SeedCheckpointError: Several occur, and none of them is preferred.
    """
    found = _prefixes(tensors, name)
    last = prefer.removesuffix('.').rpartition('.')[2]
    for wanted in (prefer, last and f'{last}.'):
        if wanted in found or not found:
            return wanted
    if len(found) > 1:
        raise SeedCheckpointError(_several('the checkpoint', found))
    return found[0]


def prefix_of(names: Names, naming: str, network: Network) -> str:
    """What precedes the names that :func:`recognise` found, beside the naming's own."""
    images = image_weight(network.seed)
    return names[images].removesuffix(namings_of(network)[naming](network)[images])


def _several(source: str, prefixes: Iterable[str]) -> str:
    return (
        f'{source} must hold the backbone once, or name the one to take; it is there under '
        f'{", ".join(map(repr, sorted(prefixes)))}. Save one of them alone, or name it by prefix.'
    )


def _with_images(shapes: Mapping[str, Shape], images: str, found: Shape | None) -> dict[str, Shape]:
    """The shapes with as many channels of images as a checkpoint has."""
    wanted = shapes[images]
    fits = found is not None and len(found) == len(wanted)
    return {**shapes, images: (wanted[0], found[1], *wanted[2:]) if fits and found else wanted}


def _classifier(tensors: Mapping[str, Shape], network: Network, names: Names, prefix: str) -> Names:
    """The classifier's tensors that are there; some files have them outside of the backbone."""
    found: Names = {}
    for ours, shape in classifier_layout(network.seed.name).items():
        for theirs in (names[ours], prefix + names[ours]) if ours in names else ():
            if theirs in tensors and tuple(tensors[theirs]) == shape:
                found[ours] = theirs
    return found


def _difference(
    tensors: Mapping[str, Shape], shapes: Mapping[str, Shape], names: Names
) -> str | None:
    """The first backbone tensor that is absent or of another shape."""
    for ours, shape in shapes.items():
        theirs = names[ours]
        if theirs not in tensors:
            if not ours.endswith('num_batches_tracked'):
                return f'{theirs!r} must be there with shape {shape}; it is missing'
        elif tuple(tensors[theirs]) != shape:
            return f'{theirs!r} must have shape {shape}; received {tuple(tensors[theirs])}'
    return None


def _excess(
    tensors: Mapping[str, Shape], shapes: Mapping[str, Shape], names: Names, prefix: str
) -> str | None:
    """A tensor inside the checkpoint's stages that the network has no place for."""

    def part(name: str) -> str:
        return name.removeprefix(prefix).split('.')[0]

    parts = {part(names[ours]) for ours in shapes}
    known = set(names.values())
    for name in tensors:
        if name.startswith(prefix) and part(name) in parts and name not in known:
            return f'it has no tensor {name!r}'
    return None


def mmtransfer(network: Network) -> Names:
    """Our own names."""
    return {
        name: name for name in (*network_layout(network), *classifier_layout(network.seed.name))
    }


def torchvision(network: Network) -> Names:
    """``torchvision.models.mobilenet_v2``: one flat list of features, a pair per convolution."""
    last = len(network.layers) + 1

    def units() -> Iterator[tuple[str, str, str]]:
        yield 'stem', 'features.0.0', 'features.0.1'
        for n, layer in enumerate(network.layers, start=1):
            convs = _convs(layer)
            for i, ours in enumerate(convs[:-1]):
                at = f'features.{n}.conv.{i}'
                yield f'{layer.name}.{ours}', f'{at}.0', f'{at}.1'
            i = len(convs) - 1
            at = f'features.{n}.conv'
            yield f'{layer.name}.{convs[-1]}', f'{at}.{i}', f'{at}.{i + 1}'
        yield 'head', f'features.{last}.0', f'features.{last}.1'

    return _names(units(), 'classifier.1')


def mmdet(network: Network) -> Names:
    """``mmdet.models.backbones.MobileNetV2``: named convolutions, stages counted from 1."""
    theirs = {'expand': 'expand_conv', 'depthwise': 'depthwise_conv', 'project': 'linear_conv'}

    def units() -> Iterator[tuple[str, str, str]]:
        yield _module('stem', 'conv1')
        for layer in network.layers:
            for ours in _convs(layer):
                at = f'layer{layer.stage + 1}.{layer.index}.{theirs[ours]}'
                yield _module(f'{layer.name}.{ours}', at)
        yield _module('head', 'conv2')

    return _names(units())


def mmpretrain(network: Network) -> Names:
    """The MobileNetV2 of mmpretrain, mmseg and mmpose: numbered convolutions, stages from 1."""

    def units() -> Iterator[tuple[str, str, str]]:
        yield _module('stem', 'conv1')
        for layer in network.layers:
            for i, ours in enumerate(_convs(layer)):
                at = f'layer{layer.stage + 1}.{layer.index}.conv.{i}'
                yield _module(f'{layer.name}.{ours}', at)
        yield _module('head', 'conv2')

    return _names(units(), 'head.fc')


def efficientnet_pytorch(network: Network) -> Names:
    """``efficientnet_pytorch``: blocks numbered through all stages."""
    theirs = {
        'expand': ('_expand_conv', '_bn0'),
        'depthwise': ('_depthwise_conv', '_bn1'),
        'project': ('_project_conv', '_bn2'),
    }

    def units() -> Iterator[tuple[str, str, str]]:
        yield 'stem', '_conv_stem', '_bn0'
        for n, layer in enumerate(network.layers):
            for ours in _convs(layer):
                conv, norm = theirs[ours]
                yield f'{layer.name}.{ours}', f'_blocks.{n}.{conv}', f'_blocks.{n}.{norm}'
        yield 'head', '_conv_head', '_bn1'

    return _names(units(), '_fc')


def timm(network: Network) -> Names:
    """timm's EfficientNet family: blocks by stage; without expansion, the projection is conv_pw."""
    theirs = {
        'expand': ('conv_pw', 'bn1'),
        'depthwise': ('conv_dw', 'bn2'),
        'project': ('conv_pwl', 'bn3'),
    }
    separable = {'depthwise': ('conv_dw', 'bn1'), 'project': ('conv_pw', 'bn2')}  # no expansion

    def units() -> Iterator[tuple[str, str, str]]:
        yield 'stem', 'conv_stem', 'bn1'
        for layer in network.layers:
            named = theirs if 'expand' in _convs(layer) else separable
            for ours in _convs(layer):
                conv, norm = named[ours]
                at = f'blocks.{layer.stage}.{layer.index}'
                yield f'{layer.name}.{ours}', f'{at}.{conv}', f'{at}.{norm}'
        yield 'head', 'conv_head', 'bn2'

    return _names(units(), 'classifier')


def proxylessnas(network: Network) -> Names:
    """The ProxylessNAS of its authors: blocks numbered with those that were skipped."""
    theirs = {
        'expand': 'inverted_bottleneck',
        'depthwise': 'depth_conv',
        'project': 'point_linear',
    }
    depths = [len(stage.ops) for stage in network.seed.stages]

    def units() -> Iterator[tuple[str, str, str]]:
        yield _module('stem', 'first_conv')
        for layer in network.layers:
            at = f'blocks.{sum(depths[: layer.stage]) + layer.position}.mobile_inverted_conv'
            for ours in _convs(layer):
                yield _module(f'{layer.name}.{ours}', f'{at}.{theirs[ours]}')
        yield _module('head', 'feature_mix_layer')

    return _names(units(), 'classifier.linear')


def resnet(network: Network) -> Names:
    """torchvision's ResNet, whose names mmdet, mmseg, mmpose and timm share; SE as in timm. Deep
    stems and averaged shortcuts as in mmdet and mmseg: modules that have no tensors count."""
    stem = _numbered('stem', 'stem.6', 'stem.7')
    units = _resnet_units(network, stem, averages=lambda layer: True)
    return _names(units, 'fc', _resnet_biased(network, '{}', 'se.fc'))


def timm_resnet(network: Network) -> Names:
    """timm's ResNet: the same but for a deep stem, whose last norm is outside of it."""
    stem = _numbered('conv1', 'conv1.6', 'bn1')
    units = _resnet_units(network, stem, averages=lambda layer: True)
    return _names(units, 'fc', _resnet_biased(network, '{}', 'se.fc'))


def mmpretrain_resnet(network: Network) -> Names:
    """mmpretrain's ResNet: the same but for the classifier and for SE, which mmpose has so too; its
    shortcuts average only where there is something to average."""
    stem = [_module(f'stem.{n}', f'stem.{n}') for n in range(3)]
    units = _resnet_units(network, stem, averages=lambda layer: layer.stride > 1)
    return _names(units, 'head.fc', _resnet_biased(network, '{}.conv', 'se_layer.conv'))


def _numbered(outer: str, last: str, last_norm: str) -> list[tuple[str, str, str]]:
    """A deep stem as a list of convolutions, norms and activations; the last pair may differ."""
    first = [(f'stem.{n}', f'{outer}.{3 * n}', f'{outer}.{3 * n + 1}') for n in range(2)]
    return [*first, ('stem.2', last, last_norm)]


def _resnet_units(
    network: Network, deep_stem: Iterable[tuple[str, str, str]], averages: Callable[[Layer], bool]
) -> Iterator[tuple[str, str, str]]:
    yield from deep_stem if network.seed.deep_stem else [('stem', 'conv1', 'bn1')]
    for layer in network.layers:
        at = f'layer{layer.stage + 1}.{layer.index}'
        for ours in (conv.name for conv in layer.convs if not conv.bias):
            if ours == 'downsample':
                n = int(layer.block.endswith('_averaged') and averages(layer))
                yield f'{layer.name}.{ours}', f'{at}.downsample.{n}', f'{at}.downsample.{n + 1}'
            elif ours.startswith('non_local.'):
                yield _module(f'{layer.name}.{ours}', f'{at}.{ours}')
            else:
                yield f'{layer.name}.{ours}', f'{at}.{ours}', f'{at}.{ours.replace("conv", "bn")}'


def _resnet_biased(network: Network, module: str, se: str) -> Iterator[tuple[str, str]]:
    """Convolutions with a bias; a non-local module has MMCV's names, published files have none."""
    for layer in network.layers:
        at = f'layer{layer.stage + 1}.{layer.index}'
        for ours in (conv.name for conv in layer.convs if conv.bias):
            if ours.startswith('se.'):
                theirs = module.format(f'{at}.{ours.replace("se.fc", se)}')
            else:
                theirs = f'{at}.{ours}.conv'
            yield f'{layer.name}.{ours}', theirs


NAMINGS: dict[str, dict[str, Callable[[Network], Names]]] = {
    'mbconv': {
        'torchvision': torchvision,
        'mmdet': mmdet,
        'mmpretrain': mmpretrain,
        'efficientnet_pytorch': efficientnet_pytorch,
        'timm': timm,
        'proxylessnas': proxylessnas,
        'mmtransfer': mmtransfer,
    },
    'residual': {
        'torchvision': resnet,
        'mmpretrain': mmpretrain_resnet,
        'timm': timm_resnet,
        'mmtransfer': mmtransfer,
    },
}


def namings_of(network: Network) -> dict[str, Callable[[Network], Names]]:
    """The namings of a network's family, by name."""
    return NAMINGS[network.seed.family]


def _convs(layer: Layer) -> tuple[str, ...]:
    """Our names of a block's convolutions, in order."""
    return tuple(conv.name for conv in layer.convs)


def _module(ours: str, theirs: str) -> tuple[str, str, str]:
    """A convolution module of OpenMMLab's, which holds ``conv`` and ``bn`` as ours does."""
    return ours, f'{theirs}.conv', f'{theirs}.bn'


def _names(
    units: Iterable[tuple[str, str, str]],
    fc: str | None = None,
    biased: Iterable[tuple[str, str]] = (),
) -> Names:
    """The names in units of (our module, their convolution, their norm), and of the classifier.

    ``biased`` are pairs of our module and their convolution, of those with a bias and no norm.
    """
    names: Names = {}
    for ours, conv, norm in units:
        names[f'{ours}.conv.weight'] = f'{conv}.weight'
        names.update((f'{ours}.bn.{part}', f'{norm}.{part}') for part in NORM)
    for ours, conv in biased:
        names.update((f'{ours}.conv.{part}', f'{conv}.{part}') for part in ('weight', 'bias'))
    if fc is not None:
        names.update((f'fc.{part}', f'{fc}.{part}') for part in ('weight', 'bias'))
    return names
