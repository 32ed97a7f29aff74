"""ResNet-C and ResNet-D: the toolboxes' own networks, bit for bit, in every naming and space."""

import importlib
import json
import random

import pytest
import torch

from mmtransfer.backbones import AdaptedBackbone, DepthSupernet, FNASupernet
from mmtransfer.cost.counter import count_backbone
from mmtransfer.cost.table import cost_table
from mmtransfer.remap import SeedCheckpointError, load_model, load_seed
from mmtransfer.seeds import find_seed, seed_network
from mmtransfer.seeds.layout import network_layout
from mmtransfer.seeds.namings import namings_of, recognise
from mmtransfer.spaces import allocation, depth_space, residual_space, space_of
from mmtransfer.spaces.layout import supernet_layout
from tests.backbones.nets import extracted, images, path, stir, supernet

SEEDS = [f'resnet{depth}_{kind}' for depth in (18, 50, 101) for kind in ('v1c', 'v1d')]
SIZE = (65, 47)


def stock(toolbox, kind, depth):
    torch.manual_seed(0)
    module = importlib.import_module(f'{toolbox}.models.backbones.resnet')
    cls = getattr(module, f'ResNet{kind}')
    net = cls(depth=depth, out_indices=(0, 1, 2, 3), norm_cfg=dict(type='BN')).double()
    stir(net)
    return net


@pytest.mark.parametrize(
    ('toolbox', 'kind', 'depth', 'naming'),
    [
        ('mmseg', 'V1c', 18, 'torchvision'),
        ('mmseg', 'V1c', 50, 'torchvision'),
        ('mmseg', 'V1d', 18, 'torchvision'),
        ('mmseg', 'V1d', 50, 'torchvision'),
        ('mmdet', 'V1d', 50, 'torchvision'),
        ('mmpose', 'V1d', 50, 'mmpretrain'),
    ],
)
def test_ours_is_the_toolboxes(toolbox, kind, depth, naming):
    net = stock(toolbox, kind, depth)
    name = f'resnet{depth}_{kind.lower()}'
    ours = AdaptedBackbone(name).double()
    state = net.state_dict()
    found, names = recognise({n: tuple(t.shape) for n, t in state.items()}, ours.network)
    assert found == naming and set(names.values()) == set(state)
    ours.load_state_dict({n: state[names[n]] for n in ours.state_dict()})
    for training in (False, True):
        net.train(training), ours.train(training)
        if training:
            for module in net.modules():  # the toolbox's norm_eval
                module.training = True
        with torch.no_grad():
            for a, b in zip(ours(images(SIZE)), net(images(SIZE)), strict=True):
                assert torch.equal(a, b)


def test_their_widths_and_depths():
    for seed in SEEDS:
        layout = network_layout(seed_network(seed))
        assert layout['stem.0.conv.weight'] == (32, 3, 3, 3)
        assert layout['stem.1.conv.weight'] == (32, 32, 3, 3)
        assert layout['stem.2.conv.weight'] == (64, 32, 3, 3)
        assert len(seed_network(seed).stages[2]) == (
            2 if '18' in seed else 23 if '101' in seed else 6
        )


@pytest.mark.parametrize('naming', namings_of(find_seed('resnet18')))
@pytest.mark.parametrize('seed', SEEDS)
def test_every_naming_is_told_from_the_other_kind(seed, naming):
    """By the numbers of the shortcuts' modules; our own names are equal."""
    network = seed_network(seed)
    tensors = {
        theirs: network_layout(network)[ours]
        for ours, theirs in namings_of(network.seed)[naming](network).items()
        if ours in network_layout(network)
    }
    recognise(tensors, network)
    other = seed_network(seed[:-1] + ('d' if seed.endswith('c') else 'c'))
    if naming == 'mmtransfer':
        recognise(tensors, other)
    else:
        with pytest.raises(SeedCheckpointError, match='another network.*downsample'):
            recognise(tensors, other)


@pytest.mark.parametrize('seed', SEEDS)
def test_costs_and_layouts(seed):
    space = residual_space(seed, ('k3g1', 'k5g2'))
    allocated = allocation(seed, [1, 2, 2, 1])
    for architecture in (space.sample(random.Random(0)), allocated):
        with torch.device('meta'):
            net = AdaptedBackbone(architecture)
        shapes = {n: tuple(t.shape) for n, t in net.state_dict().items()}
        assert shapes == network_layout(net.network)
        counts = count_backbone(net, SIZE)
        for metric in ('madds', 'params'):
            table = cost_table(space_of(architecture), SIZE, metric)
            assert table.of(architecture) == counts[metric]['backbone']
    with torch.device('meta'):
        for built in (FNASupernet(seed, ops=('k3g1', 'k5g2')), DepthSupernet(seed)):
            shapes = {n: tuple(t.shape) for n, t in built.state_dict().items()}
            assert shapes == supernet_layout(built.space)


@pytest.mark.parametrize('seed', ['resnet18_v1c', 'resnet18_v1d'])
def test_a_path_is_the_plain_network(seed):
    net = supernet(seed, ops=('k3g1', 'k5g2')).eval()
    a = path(net)
    plain = extracted(net, a)
    net.select(a)
    with torch.no_grad():
        assert all(torch.equal(p, q) for p, q in zip(plain(images()), net(images()), strict=True))


def test_weights_of_the_other_kind(tmp_path):
    """Of ours the names are equal, so the record decides; of a plain ResNet the stem is new."""
    given = torch.nn.Module()
    given.backbone = AdaptedBackbone('resnet18_v1c')
    record = {'architecture': json.loads(given.backbone.architecture.to_json())}
    torch.save({'state_dict': given.state_dict(), 'mmtransfer': record}, tmp_path / 'c.pth')
    same = AdaptedBackbone('resnet18_v1c')
    load_seed(same, tmp_path / 'c.pth')
    assert torch.equal(same.stem[2].conv.weight, given.backbone.stem[2].conv.weight)
    model = torch.nn.Module()
    model.backbone = AdaptedBackbone('resnet18_v1d')
    with pytest.raises(SeedCheckpointError, match='it is of a network around resnet18_v1c'):
        load_model(model, tmp_path / 'c.pth', 'seed')
    torch.save(AdaptedBackbone('resnet18').state_dict(), tmp_path / 'plain.pth')
    own = same.stem[0].conv.weight.clone()
    plan = load_seed(same, tmp_path / 'plain.pth', architecture='resnet18')
    new = {m.target.rpartition('.')[0] for m in plan.moves if m.rule == 'initialise'}
    assert new == {f'stem.{n}.{part}' for n in range(3) for part in ('conv', 'bn')}
    assert torch.equal(same.stem[0].conv.weight, own)
    assert depth_space('resnet18_v1c').seed == 'resnet18_v1c'
