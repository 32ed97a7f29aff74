"""Weights that are asked for in MMEngine's ways are taken, remapped, or refused with counts."""

import json

import pytest
import torch
from mmengine.model import BaseModule
from mmengine.runner.checkpoint import load_checkpoint
from torch import nn

from mmtransfer.backbones import AdaptedBackbone, DepthSupernet, FNASupernet
from mmtransfer.registry import MODELS
from mmtransfer.remap import RemapError, SeedCheckpointError, load_model
from mmtransfer.remap.load import loaded_state
from mmtransfer.seeds import seed_network
from mmtransfer.seeds.namings import namings_of
from tests.remap.test_load import LAYERS, changed, random_state

SEED = seed_network('mobilenet_v2')


class Detector(BaseModule):
    """As far as a remap can see, a detector; or a part of a semi-supervised one."""

    def __init__(self, backbone, classes=3, init_cfg=None):
        super().__init__(init_cfg)
        self.backbone = backbone
        self.neck = nn.Conv2d(24, 8, 1)
        self.bbox_head = nn.Linear(8, classes)


class StudentAndTeacher(BaseModule):
    """As mmdet's SemiBaseDetector."""

    def __init__(self, build):
        super().__init__()
        self.student, self.teacher = build(), build()


def stock(naming='mmdet', prefix='', number=1):
    """The seed's tensors as a toolbox calls them, and as we do."""
    ours = random_state(AdaptedBackbone('mobilenet_v2'), number)
    names = namings_of(SEED.seed)[naming](SEED)
    return {prefix + names[name]: tensor for name, tensor in ours.items()}, ours


def stock_detector(classes=3, number=1):
    """A whole detector around mmdet's MobileNetV2."""
    backbone, ours = stock(prefix='backbone.', number=number)
    rest = random_state(Detector(nn.Identity(), classes), number + 1)
    return backbone | rest, ours, rest


def expect_seed(backbone, ours):
    """A plain seed has every tensor, a supernet every candidate of the seed's own op."""
    state = backbone.state_dict()
    if isinstance(backbone, FNASupernet):
        pairs = {
            f'stages.{la.stage}.{la.position}.{la.op.text}' if la.stage else la.name: la.name
            for la in SEED.nodes
            if la.stage == 0 or la.op.text in backbone.stages[la.stage][la.position]
        }
        assert len(pairs) == len(SEED.nodes)
    else:
        pairs = {la.name: la.name for la in SEED.nodes}
    pairs['stem'] = 'stem'
    for target, source in pairs.items():
        for name, tensor in ours.items():
            if name.startswith(f'{source}.'):
                assert torch.equal(state[target + name[len(source) :]], tensor)


BACKBONES = {
    'AdaptedBackbone': dict(architecture='mobilenet_v2'),
    'FNASupernet': dict(seed='mobilenet_v2'),
    'DepthSupernet': dict(seed='mobilenet_v2'),
}


@pytest.mark.parametrize('prefix', [None, 'backbone.'])
@pytest.mark.parametrize('naming', ['mmdet', 'torchvision', 'mmtransfer'])
@pytest.mark.parametrize('kind', BACKBONES)
def test_a_pretrained_backbone(tmp_path, kind, naming, prefix):
    """By init_cfg: 0 of 144 tensors were taken, in silence."""
    tensors, ours = stock(naming, prefix or '')
    torch.save({'state_dict': tensors | {'neck.x': torch.ones(1)}}, tmp_path / 'x.pth')
    cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth'))
    for init_cfg in (cfg, dict(cfg, prefix=prefix)) if prefix else (cfg,):
        net = MODELS.build(dict(BACKBONES[kind], type=f'mmtransfer.{kind}', init_cfg=init_cfg))
        net.init_weights()
        expect_seed(net, ours)


def test_a_pretrained_backbone_from_its_own_supernet_or_of_another_network(tmp_path):
    supernet = FNASupernet('mobilenet_v2', **LAYERS)
    state = random_state(supernet, 3)
    torch.save(state, tmp_path / 'supernet.pth')
    cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'supernet.pth'))
    plain = AdaptedBackbone(changed(), init_cfg=cfg)
    plain.init_weights()
    moved = state['stages.2.1.k5e3.expand.conv.weight']
    assert torch.equal(plain.stages[2][1].expand.conv.weight, moved)
    for wrong in ('resnet18', 'efficientnet_lite0'):
        with pytest.raises(SeedCheckpointError, match=f'that the backbone of {wrong}'):
            AdaptedBackbone(wrong, init_cfg=cfg).init_weights()


def test_a_whole_pretrained_detector(tmp_path):
    """MMEngine loads by name what the detector's init_cfg says; the backbone is remapped."""
    tensors, ours, rest = stock_detector()
    torch.save({'state_dict': tensors}, tmp_path / 'x.pth')
    cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth'))
    model = Detector(FNASupernet('mobilenet_v2'), init_cfg=cfg)
    model.init_weights()
    expect_seed(model.backbone, ours)
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in rest.items())
    other = Detector(AdaptedBackbone('resnet18'))
    with pytest.raises(SeedCheckpointError, match='resnet18'):
        load_checkpoint(other, str(tmp_path / 'x.pth'))


def test_what_a_backbone_is_given_of_its_own_is_loaded_as_ever():
    net = AdaptedBackbone('mobilenet_v2')
    state = random_state(net, 4)
    part = {name: tensor for name, tensor in state.items() if name.startswith('stem.')}
    missing = net.load_state_dict(part, strict=False).missing_keys
    assert 'stages.0.0.project.conv.weight' in missing
    assert torch.equal(net.stem.conv.weight, part['stem.conv.weight'])
    net.load_state_dict(state)
    assert all(torch.equal(t, state[n]) for n, t in net.state_dict().items())
    deep = random_state(DepthSupernet('mobilenet_v2', max_blocks=[3, 3, 4, 3, 3]), 5)
    with pytest.raises(SeedCheckpointError, match=r"no tensor 'stages\.1\.2\."):
        net.load_state_dict(deep)
    own = AdaptedBackbone('mobilenet_v2', blocks=[1, 3, 2, 1, 1], max_blocks=[3, 3, 4, 3, 3])
    own.load_state_dict(deep)
    assert all(torch.equal(t, deep[n]) for n, t in own.state_dict().items())


@pytest.mark.parametrize('build', [AdaptedBackbone, FNASupernet, DepthSupernet])
def test_load_from_takes_a_plain_detector(build):
    tensors, ours, rest = stock_detector()
    model = Detector(build('mobilenet_v2'))
    plan, state = loaded_state(model, {'state_dict': tensors}, 'x.pth')
    assert [move.target for move in plan.moves] == list(model.state_dict()) and not plan.unused
    model.load_state_dict(state)
    expect_seed(model.backbone, ours)
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in rest.items())


def test_load_from_an_adapted_detector_takes_the_depth_that_the_file_names():
    small = Detector(AdaptedBackbone('mobilenet_v2', blocks=[1, 3, 2, 1, 1]))
    record = {'architecture': json.loads(small.backbone.architecture.to_json())}
    content = {'state_dict': random_state(small, 6), 'mmtransfer': record}
    model = Detector(FNASupernet('mobilenet_v2'))
    plan, state = loaded_state(model, content, 'x.pth')
    last = content['state_dict']['backbone.stages.5.0.project.bn.bias']
    assert torch.equal(state['backbone.stages.5.0.k3e6.project.bn.bias'], last)
    repeated = {m.source for m in plan.moves if m.target.startswith('backbone.stages.3.')}
    assert {name.split('.')[3] for name in repeated} == {'0', '1'}


def test_load_from_the_search_takes_its_architecture():
    search = Detector(FNASupernet('mobilenet_v2', **LAYERS))
    content = {
        'state_dict': random_state(search, 7),
        'mmtransfer': {'fingerprint': search.backbone.space.fingerprint},
    }
    model = Detector(AdaptedBackbone(changed('stage3.layer1', 'skip')))
    plan, state = loaded_state(model, content, 'x.pth')
    source = {m.target: m.source for m in plan.moves}
    name = 'project.conv.weight'
    assert source[f'backbone.stages.3.1.{name}'] == f'backbone.stages.3.2.k3e6.{name}'
    assert torch.equal(state['neck.weight'], content['state_dict']['neck.weight'])
    assert loaded_state(search, content, 'x.pth') is None  # all of its own: MMEngine's to load
    assert loaded_state(Detector(nn.Conv2d(1, 1, 1)), content, 'x.pth') is None


def test_load_from_refuses_what_it_would_leave_out():
    tensors, _, _ = stock_detector(classes=4)
    model = Detector(FNASupernet('mobilenet_v2'))
    with pytest.raises(RemapError) as caught:
        loaded_state(model, {'state_dict': tensors}, 'x.pth')
    for words in ('neck 2 of 2, bbox_head 0 of 2', "'bbox_head.weight' is (4, 8)", 'initialise'):
        assert words in str(caught.value)
    backbone, _ = stock(prefix='backbone.')
    with pytest.raises(RemapError, match=r"'neck.weight' is missing.*neck 0 of 2, bbox_head 0"):
        loaded_state(model, {'state_dict': backbone}, 'x.pth')
    with pytest.raises(SeedCheckpointError, match='0 of the 306 that the backbone'):
        loaded_state(model, {'state_dict': {'a.b': torch.ones(1)}}, 'x.pth')


def test_a_search_from_ones_own_detector(tmp_path):
    """RemapHook(source='seed'): neck and head by name, a head of other classes starts again."""
    tensors, ours, rest = stock_detector(classes=4)
    torch.save({'state_dict': tensors}, tmp_path / 'x.pth')
    same = Detector(FNASupernet('mobilenet_v2'), classes=4)
    load_model(same, tmp_path / 'x.pth', 'seed')
    expect_seed(same.backbone, ours)
    assert all(torch.equal(same.state_dict()[name], tensor) for name, tensor in rest.items())
    other = Detector(FNASupernet('mobilenet_v2'))
    own = other.bbox_head.weight.clone()
    with pytest.raises(RemapError, match='bbox_head 0 of 2'):
        load_model(other, tmp_path / 'x.pth', 'seed')
    plan = load_model(other, tmp_path / 'x.pth', 'seed', initialise=['bbox_head.'])
    assert torch.equal(other.bbox_head.weight, own)
    assert torch.equal(other.neck.weight, rest['neck.weight'])
    assert 'bbox_head.weight' in plan.unused


@pytest.mark.parametrize('wrapped', [False, True])
def test_student_and_teacher(tmp_path, wrapped):
    """Found by walking the model; the checkpoint is of one detector, or of both."""
    supernet = FNASupernet('mobilenet_v2', **LAYERS)
    record = {'fingerprint': supernet.space.fingerprint}

    def build():
        return Detector(AdaptedBackbone(changed()))

    one = random_state(Detector(supernet), 8)
    state = {
        root + n: t + i for i, root in enumerate(('student.', 'teacher.')) for n, t in one.items()
    }
    content = {'state_dict': state if wrapped else one, 'mmtransfer': record}
    torch.save(content, tmp_path / 'x.pth')
    model = StudentAndTeacher(build)
    plan = load_model(model, tmp_path / 'x.pth')
    assert [move.target for move in plan.moves] == list(model.state_dict())
    for i, part in enumerate((model.student, model.teacher)):
        for name in ('neck.weight', 'backbone.stem.conv.weight'):
            assert torch.equal(part.state_dict()[name], one[name] + i * wrapped)
    alone = Detector(AdaptedBackbone(changed()))
    if wrapped:
        with pytest.raises(SeedCheckpointError, match="'student.backbone.', 'teacher.backbone.'"):
            load_model(alone, tmp_path / 'x.pth')


def test_student_and_teacher_from_a_plain_detector(tmp_path):
    tensors, ours, rest = stock_detector()
    torch.save(tensors, tmp_path / 'x.pth')
    model = StudentAndTeacher(lambda: Detector(AdaptedBackbone('mobilenet_v2')))
    load_model(model, tmp_path / 'x.pth', 'seed')
    for part in (model.student, model.teacher):
        expect_seed(part.backbone, ours)
        assert torch.equal(part.neck.weight, rest['neck.weight'])
