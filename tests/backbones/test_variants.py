"""Variants of ResNet as seeds: costs, supernets of block allocations, weights from a ResNet-50."""

import random

import pytest
import torch

from mmtransfer.backbones import AdaptedBackbone, DepthSupernet, FNASupernet
from mmtransfer.cost import cost_table
from mmtransfer.cost.counter import count_backbone
from mmtransfer.remap import network_to_network, remap, seed_to_supernet, supernet_to_network
from mmtransfer.remap.load import load_seed
from mmtransfer.seeds import seed_network
from mmtransfer.seeds.layout import network_layout
from mmtransfer.spaces import allocation, depth_space, network, residual_space, space_around
from mmtransfer.spaces.layout import supernet_layout
from tests.backbones.nets import images, stir

VARIANTS = ('resnext50_32x4d', 'se_resnet50', 'se_resnext50', 'resnet50_nl')
MOST = {'se_resnext50': [2, 2, 3, 2], 'resnet50_nl': [1, 2, 6, 1]}
SIZE = (224, 224)


@pytest.mark.parametrize(('blocks', 'reproduced'), [([3, 4, 6, 3], 4.1318), ([1, 3, 7, 5], 4.1329)])
def test_published_costs_of_se_resnext50(blocks, reproduced):
    """Block allocation, Table 1: convolutions, those of SE included, no biases; G is 1.024e9."""
    with torch.device('meta'):
        net = AdaptedBackbone('se_resnext50', blocks=blocks)
    counted = count_backbone(net, SIZE, 'paper-block-allocation')['madds']['backbone']
    assert round(counted / 1.024e9, 4) == reproduced


@pytest.mark.parametrize('seed', VARIANTS)
def test_layout_and_cost_are_those_of_the_module(seed):
    a = allocation(seed, [2, 1, 6, 2])
    with torch.device('meta'):
        net = AdaptedBackbone(a)
    shapes = [(n, tuple(t.shape)) for n, t in net.state_dict().items()]
    assert shapes == list(network_layout(network(a)).items())
    counts = count_backbone(net, (65, 47))
    for metric in ('madds', 'params'):
        table = cost_table(depth_space(seed, a.rule['max_blocks']), (65, 47), metric)
        assert table.of(a) == counts[metric]['backbone']


@pytest.mark.parametrize('seed', sorted(MOST))
def test_a_child_built_alone_is_the_supernet_with_its_selection(seed):
    torch.manual_seed(0)
    net = DepthSupernet(seed, MOST[seed]).double()
    stir(net)
    shapes = [(n, tuple(t.shape)) for n, t in net.state_dict().items()]
    assert shapes == list(supernet_layout(net.space).items())
    for number in (0, 1):
        a = net.space.sample(random.Random(number))
        child = AdaptedBackbone(a).double()
        plan = supernet_to_network(net.space, network(a))
        assert {m.rule for m in plan.moves} == {'copy'}
        child.load_state_dict(remap(plan, net.state_dict(), child.state_dict()))
        net.select(a)
        with torch.no_grad():
            assert all(map(torch.equal, net(images()), child(images())))


def made_without_source(plan):
    """The modules of the first and of a later block that a plan initialises."""
    names = (m.target for m in plan.moves if m.rule == 'initialise')
    return list(dict.fromkeys(n.rpartition('.')[0] for n in names))


def test_a_plain_resnet_initialises_what_has_no_source():
    plain = seed_network('resnet50')
    se = seed_to_supernet(plain, depth_space('se_resnet50', [3, 4, 8, 3]))
    assert {m.rule for m in se.moves} == {'copy', 'initialise'} and se.unused == ()
    found = made_without_source(se)
    assert len(found) == 2 * 18 and all('.se.fc' in name for name in found)
    assert '72 initialise' in se.summary()
    nl = network_to_network(plain, seed_network('resnet50_nl'))
    parts = ('g.conv', 'conv_out.conv', 'conv_out.bn', 'theta.conv', 'phi.conv')
    assert made_without_source(nl) == [f'stages.2.4.non_local.{part}' for part in parts]


def test_the_groups_of_a_resnext_have_no_source_in_a_resnet():
    """Its convolutions have another width: the path is initialised, the shortcut copied."""
    plan = network_to_network(seed_network('resnet50'), seed_network('resnext50_32x4d'))
    rules = {m.target: m.rule for m in plan.moves}
    assert set(rules.values()) == {'copy', 'initialise'}
    for name, rule in rules.items():
        kept = name.startswith('stem') or '.downsample.' in name
        assert rule == ('copy' if kept else 'initialise'), name
    same = network_to_network(seed_network('resnext50_32x4d'), seed_network('se_resnext50'))
    assert all('.se.' in name for name in made_without_source(same))


def test_a_resnet_checkpoint_into_an_se_network(tmp_path):
    torch.manual_seed(0)
    plain = AdaptedBackbone('resnet50', blocks=[1, 1, 1, 1])
    torch.save({'state_dict': plain.state_dict()}, tmp_path / 'plain.pth')
    net = AdaptedBackbone('se_resnet50', blocks=[1, 2, 1, 1])
    before = net.state_dict()['stages.1.1.se.fc1.conv.weight'].clone()
    plan = load_seed(net, tmp_path / 'plain.pth', architecture=plain.architecture)
    after = net.state_dict()
    assert torch.equal(after['stages.1.1.se.fc1.conv.weight'], before)
    assert torch.equal(
        after['stages.0.0.conv2.conv.weight'], plain.state_dict()['stages.0.0.conv2.conv.weight']
    )
    assert 'initialise' in plan.summary()


def test_their_residual_spaces_hold_their_own_blocks():
    assert space_around('se_resnext50').rule == {'ops': ['k3g32w4s16']}
    assert residual_space('resnet50_nl').choices[0].options == ('k3g1', 'k3g1n2')
    torch.manual_seed(0)
    net = FNASupernet('resnet18', ops=('k3g1', 'k3g1s16', 'k3g1n2')).eval()
    net.select(net.selection)
    with torch.no_grad():
        features = net(torch.randn(1, 3, 40, 33))
    assert features[-1].shape == (1, 512, 2, 2)
