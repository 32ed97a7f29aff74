"""How published checkpoints call the tensors of a seed.

A naming is a function from a network to a dict, our tensor name -> the checkpoint's, for the
backbone and for those parts of the classifier that the naming knows. All names are generated from
the network's nodes; nothing is derived from the text of a key.
"""

from collections.abc import Callable, Iterable, Iterator

from mmtransfer.seeds.layout import NORM, classifier_layout, network_layout
from mmtransfer.seeds.networks import Network, Node
from mmtransfer.seeds.published import Seed
from mmtransfer.seeds.residual import Residual

Names = dict[str, str]
Namings = dict[str, Callable[[Network], dict[str, str]]]


def mmtransfer(network: Network) -> Names:
    """Our own names."""
    return {name: name for name in (*network_layout(network), *classifier_layout(network.seed))}


def torchvision(network: Network) -> Names:
    """``torchvision.models.mobilenet_v2``: one flat list of features, a pair per convolution."""
    last = len(network.nodes) + 1

    def units() -> Iterator[tuple[str, str, str]]:
        yield 'stem', 'features.0.0', 'features.0.1'
        for n, node in enumerate(network.nodes, start=1):
            at = f'features.{n}.conv'
            for i, ours in enumerate(_convs(node)):
                if ours == 'project':  # without an activation, a pair is not nested
                    yield f'{node.name}.{ours}', f'{at}.{i}', f'{at}.{i + 1}'
                else:
                    yield f'{node.name}.{ours}', f'{at}.{i}.0', f'{at}.{i}.1'
        yield 'head', f'features.{last}.0', f'features.{last}.1'

    return _names(units(), 'classifier.1')


def mmdet(network: Network) -> Names:
    """``mmdet.models.backbones.MobileNetV2``: named convolutions, stages counted from 1."""
    theirs = {'expand': 'expand_conv', 'depthwise': 'depthwise_conv', 'project': 'linear_conv'}

    def units() -> Iterator[tuple[str, str, str]]:
        yield _module('stem', 'conv1')
        for node in network.nodes:
            for ours in _convs(node):
                at = f'layer{node.stage + 1}.{node.index}.{theirs[ours]}'
                yield _module(f'{node.name}.{ours}', at)
        yield _module('head', 'conv2')

    return _names(units())


def mmpretrain(network: Network) -> Names:
    """The MobileNetV2 of mmpretrain, mmseg and mmpose: numbered convolutions, stages from 1."""

    def units() -> Iterator[tuple[str, str, str]]:
        yield _module('stem', 'conv1')
        for node in network.nodes:
            for i, ours in enumerate(_convs(node)):
                at = f'layer{node.stage + 1}.{node.index}.conv.{i}'
                yield _module(f'{node.name}.{ours}', at)
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
        for n, node in enumerate(network.nodes):
            for ours in _convs(node):
                conv, norm = theirs[ours]
                yield f'{node.name}.{ours}', f'_blocks.{n}.{conv}', f'_blocks.{n}.{norm}'
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
        for node in network.nodes:
            named = theirs if 'expand' in _convs(node) else separable
            for ours in _convs(node):
                conv, norm = named[ours]
                at = f'blocks.{node.stage}.{node.index}'
                yield f'{node.name}.{ours}', f'{at}.{conv}', f'{at}.{norm}'
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
        for node in network.nodes:
            at = f'blocks.{sum(depths[: node.stage]) + node.position}.mobile_inverted_conv'
            for ours in _convs(node):
                yield _module(f'{node.name}.{ours}', f'{at}.{theirs[ours]}')
        yield _module('head', 'feature_mix_layer')

    return _names(units(), 'classifier.linear')


def resnet(network: Network) -> Names:
    """torchvision's ResNet, whose names mmdet, mmseg, mmpose and timm share; SE as in timm. Deep
    stems and averaged shortcuts as in mmdet and mmseg: modules that have no tensors count."""
    stem = _numbered('stem', 'stem.6', 'stem.7')
    units = _resnet_units(network, stem, averages=lambda node: True)
    return _names(units, 'fc', _resnet_biased(network, '{}', 'se.fc'))


def timm_resnet(network: Network) -> Names:
    """timm's ResNet: the same but for a deep stem, whose last norm is outside of it."""
    stem = _numbered('conv1', 'conv1.6', 'bn1')
    units = _resnet_units(network, stem, averages=lambda node: True)
    return _names(units, 'fc', _resnet_biased(network, '{}', 'se.fc'))


def mmpretrain_resnet(network: Network) -> Names:
    """mmpretrain's ResNet: the same but for the classifier and for SE, which mmpose has so too; its
    shortcuts average only where there is something to average."""
    stem = [_module(f'stem.{n}', f'stem.{n}') for n in range(3)]
    units = _resnet_units(network, stem, averages=lambda node: node.stride > 1)
    return _names(units, 'head.fc', _resnet_biased(network, '{}.conv', 'se_layer.conv'))


def _numbered(outer: str, last: str, last_norm: str) -> list[tuple[str, str, str]]:
    """A deep stem as a list of convolutions, norms and activations; the last pair may differ."""
    first = [(f'stem.{n}', f'{outer}.{3 * n}', f'{outer}.{3 * n + 1}') for n in range(2)]
    return [*first, ('stem.2', last, last_norm)]


def _resnet_units(
    network: Network, deep_stem: Iterable[tuple[str, str, str]], averages: Callable[[Node], bool]
) -> Iterator[tuple[str, str, str]]:
    yield from deep_stem if network.seed.deep_stem else [('stem', 'conv1', 'bn1')]
    for node in network.nodes:
        at = f'layer{node.stage + 1}.{node.index}'
        for ours in (conv.name for conv in node.convs if not conv.bias):
            if ours == 'downsample':
                n = int(isinstance(node.op, Residual) and node.op.averaged and averages(node))
                yield f'{node.name}.{ours}', f'{at}.downsample.{n}', f'{at}.downsample.{n + 1}'
            elif ours.startswith('non_local.'):
                yield _module(f'{node.name}.{ours}', f'{at}.{ours}')
            else:
                yield f'{node.name}.{ours}', f'{at}.{ours}', f'{at}.{ours.replace("conv", "bn")}'


def _resnet_biased(network: Network, module: str, se: str) -> Iterator[tuple[str, str]]:
    """Convolutions with a bias; a non-local module has MMCV's names, published files have none."""
    for node in network.nodes:
        at = f'layer{node.stage + 1}.{node.index}'
        for ours in (conv.name for conv in node.convs if conv.bias):
            if ours.startswith('se.'):
                theirs = module.format(f'{at}.{ours.replace("se.fc", se)}')
            else:
                theirs = f'{at}.{ours}.conv'
            yield f'{node.name}.{ours}', theirs


_MBCONV: Namings = {
    'torchvision': torchvision,
    'mmdet': mmdet,
    'mmpretrain': mmpretrain,
    'efficientnet_pytorch': efficientnet_pytorch,
    'timm': timm,
    'proxylessnas': proxylessnas,
}
_RESIDUAL: Namings = {
    'torchvision': resnet,
    'mmpretrain': mmpretrain_resnet,
    'timm': timm_resnet,
}
# Kind of a seed's blocks -> the namings that know them, beside our own.
NAMINGS: dict[str, Namings] = {
    'mbconv': _MBCONV,
    'mbconv_expanded': _MBCONV,
    'basic': _RESIDUAL,
    'bottleneck': _RESIDUAL,
    'basic_averaged': _RESIDUAL,
    'bottleneck_averaged': _RESIDUAL,
}


def namings_of(seed: Seed) -> Namings:
    """The namings that know a seed's blocks, by name; our own, the last, knows all."""
    return {**NAMINGS.get(seed.block, {}), 'mmtransfer': mmtransfer}


def _convs(node: Node) -> tuple[str, ...]:
    """Our names of a block's convolutions, in order."""
    return tuple(conv.name for conv in node.convs)


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
