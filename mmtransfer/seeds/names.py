"""How published checkpoints call the tensors of a seed.

A naming is a function from a network to a dict, our tensor name -> the checkpoint's, for the
backbone and for those parts of the classifier that the naming knows. All names are generated from
the network's layers; nothing is derived from the text of a key. Each family of blocks has its own.
"""

from collections.abc import Callable, Iterable, Iterator

from mmtransfer.seeds.layout import NORM, classifier_layout, network_layout
from mmtransfer.seeds.networks import Layer, Network

Names = dict[str, str]


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
