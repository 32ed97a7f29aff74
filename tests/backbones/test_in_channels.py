"""Images of any number of channels in every backbone: stem, weights, layout and cost."""

import random

import pytest
import torch

from mmtransfer.backbones import AdaptedBackbone, DepthSupernet, FNASupernet
from mmtransfer.cost.counter import count_backbone
from mmtransfer.cost.table import cost_table
from mmtransfer.remap import load_seed, seed_to_supernet
from mmtransfer.remap.rules import fit_colours
from mmtransfer.report.receptive_field import mean_field
from mmtransfer.seeds import seed_network
from mmtransfer.seeds.layout import network_layout
from mmtransfer.spaces import closest_to_seed, space_of
from mmtransfer.spaces.layout import supernet_layout
from tests.backbones.nets import SMALL, extracted, path, stir, supernet

BUILDS = {
    'adapted': lambda seed, **kw: AdaptedBackbone(seed, **kw),
    'fna': lambda seed, **kw: FNASupernet(seed, **(SMALL if 'resnet' not in seed else {}), **kw),
    'depth': lambda seed, **kw: DepthSupernet(seed, **kw),
}
SIZE = (65, 47)


def shapes(module):
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize('channels', [1, 2, 4, 6])
def test_the_rule(channels):
    generator = torch.Generator().manual_seed(0)
    weight = torch.rand(5, 3, 3, 3, generator=generator, dtype=torch.float64)
    made = fit_colours(weight, channels)
    assert made.shape == (5, channels, 3, 3)
    if channels == 1:
        assert torch.equal(made, weight.sum(1, keepdim=True))
    for i in range(channels if channels > 1 else 0):
        assert torch.equal(made[:, i], weight[:, i % 3] * (3 / channels))
    assert torch.equal(fit_colours(weight, 3), weight)


@pytest.fixture(scope='module')
def seed_file(tmp_path_factory):
    torch.manual_seed(0)
    net = AdaptedBackbone('mobilenet_v2')
    stir(net)
    file = tmp_path_factory.mktemp('seed') / 'seed.pth'
    torch.save(net.state_dict(), file)
    return file, net


@pytest.mark.parametrize('channels', [1, 6])
@pytest.mark.parametrize('kind', BUILDS)
def test_the_stem_takes_the_colours_of_the_seed(seed_file, kind, channels):
    file, seed = seed_file
    net = BUILDS[kind]('mobilenet_v2', in_channels=channels)
    plan = load_seed(net, file)
    rule = 'sum over colours' if channels == 1 else 'repeat colours'
    assert [m.target for m in plan.moves if m.rule == rule] == ['stem.conv.weight']
    assert rule in plan.explain()
    wanted = fit_colours(seed.stem.conv.weight.detach(), channels)
    assert torch.equal(net.stem.conv.weight, wanted)
    assert torch.equal(net.stem.bn.weight, seed.stem.bn.weight)


@pytest.mark.parametrize('channels', [1, 6])
def test_equal_channels_give_what_grey_gives_the_seed(seed_file, channels):
    file, seed = seed_file
    net = AdaptedBackbone('mobilenet_v2', in_channels=channels)
    load_seed(net, file, width='bn_scale')  # a strategy does not rank colours
    grey = torch.randn(1, 1, *SIZE, generator=torch.Generator().manual_seed(0))
    seed.eval(), net.eval()
    for a, b in zip(
        seed(grey.expand(1, 3, *SIZE)), net(grey.expand(1, channels, *SIZE)), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_a_checkpoint_of_other_channels_comes_back_to_colours(tmp_path):
    """Of a network that was trained on grey images; RGB images get a third of it each."""
    grey = AdaptedBackbone('mobilenet_v2', in_channels=1)
    torch.save(grey.state_dict(), tmp_path / 'grey.pth')
    for channels in (1, 3):
        net = AdaptedBackbone('mobilenet_v2', in_channels=channels)
        plan = load_seed(net, tmp_path / 'grey.pth')
        changed = [m.target for m in plan.moves if m.rule != 'copy']
        assert changed == (['stem.conv.weight'] if channels == 3 else [])
        torch.testing.assert_close(net.stem.conv.weight.sum(1), grey.stem.conv.weight.sum(1))


def test_a_state_dict_of_the_same_found_network_for_other_images():
    with torch.device('meta'):
        space = FNASupernet('mobilenet_v2').space
    found = space.sample(random.Random(0))
    assert found != closest_to_seed(space)
    grey, net = (AdaptedBackbone(found, in_channels=n) for n in (1, 3))
    net.load_state_dict(grey.state_dict())
    torch.testing.assert_close(net.stem.conv.weight.sum(1), grey.stem.conv.weight.sum(1))
    for name, tensor in grey.state_dict().items():
        if name != 'stem.conv.weight':
            assert torch.equal(net.state_dict()[name], tensor), name


@pytest.mark.parametrize('channels', [1, 4])
@pytest.mark.parametrize('seed', ['efficientnet_lite0', 'resnet18'])
@pytest.mark.parametrize('kind', BUILDS)
def test_layouts_and_plans(kind, seed, channels):
    with torch.device('meta'):
        net = BUILDS[kind](seed, in_channels=channels)
    assert net.in_channels == channels
    if kind == 'adapted':
        assert shapes(net) == network_layout(seed_network(seed).reading(channels))
        assert net.architecture == AdaptedBackbone(seed).architecture
    else:
        assert shapes(net) == supernet_layout(net.space, channels)
        plan = seed_to_supernet(seed_network(seed), net.space, in_channels=channels)
        assert {m.target: m.target_shape for m in plan.moves} == shapes(net)


@pytest.mark.parametrize('channels', [1, 6])
@pytest.mark.parametrize('kind', BUILDS)
def test_costs(kind, channels):
    """The table, and an independent count of the built network, exactly."""
    with torch.device('meta'):
        net = BUILDS[kind]('mobilenet_v2', in_channels=channels)
    space = space_of(net.architecture) if kind == 'adapted' else net.space
    found = closest_to_seed(space)
    with torch.device('meta'):
        plain = AdaptedBackbone(found, in_channels=channels, out_indices=(6,))
    counts = count_backbone(plain, SIZE)
    for metric in ('madds', 'params'):
        table = cost_table(space, SIZE, metric, in_channels=channels)
        assert table.of(found) == counts[metric]['backbone']
        colours = cost_table(space, SIZE, metric).of(found)
        positions = 33 * 24 if metric == 'madds' else 1
        assert table.of(found) - colours == positions * 32 * 9 * (channels - 3)


def test_a_path_is_the_plain_network():
    net = supernet(in_channels=2).eval()
    a = path(net)
    plain = AdaptedBackbone(a, in_channels=2, out_indices=net.out_indices).double().eval()
    plain.load_state_dict(net.state_dict())  # remapped: the candidates of the path
    x = torch.randn(1, 2, 33, 40, dtype=torch.float64)
    net.select(a)
    assert all(torch.equal(p, q) for p, q in zip(plain(x), net(x), strict=True))
    assert extracted(supernet(), a).in_channels == 3


def test_its_receptive_field():
    field = mean_field(lambda: AdaptedBackbone('resnet18', in_channels=2), (65, 65), runs=1)
    assert field.shape == (65, 65) and abs(float(field.sum()) - 1) < 1e-6


def test_what_does_not_fit_is_refused():
    net = AdaptedBackbone('mobilenet_v2', in_channels=1)
    with pytest.raises(ValueError, match=r'the 1 channels.*received 3.*in_channels=3'):
        net(torch.zeros(1, 3, 32, 32))
    for wrong in (0, -1, 1.0, '3', True):
        with pytest.raises(ValueError, match='in_channels must be the number of channels'):
            AdaptedBackbone('mobilenet_v2', in_channels=wrong)
