"""Ablations change what they name and nothing else (FNA++, Tables 11 to 15)."""

from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmtransfer import compat
from mmtransfer.cost import cost_table
from mmtransfer.registry import MODELS
from mmtransfer.search import cost_in_units
from mmtransfer.spaces import closest_to_seed, seed_architecture, space_around
from tests.shrink import shrink
from tests.test_block_allocation_configs import run

FNA = Path(__file__).parent.parent / 'configs/fna'


@cache
def parsed(stage: str, data: str) -> Config:
    compat.apply()
    return Config.fromfile(str(FNA / f'retinanet_efflite0_{stage}_{data}.py'))


def read(stage: str, data: str, **options) -> dict:
    cfg = parsed(stage, data).copy()
    cfg.merge_from_dict(options)
    return cfg.to_dict()


def differences(one, two, name: str = '') -> set[str]:
    """Dotted names of the values in which two configs differ."""
    if isinstance(one, dict) and isinstance(two, dict):
        keys = one.keys() | two.keys()
        found = (differences(one.get(k), two.get(k), f'{name}.{k}'.lstrip('.')) for k in keys)
        return set().union(*found)
    return set() if one == two else {name}


@pytest.mark.parametrize('path', sorted(FNA.glob('*_2x.py')), ids=lambda p: p.stem)
def test_the_2x_schedules_differ_in_their_length(path):
    one, two = (Config.fromfile(p).to_dict() for p in (str(path).replace('_2x', ''), str(path)))
    assert differences(one, two) == {'train_cfg.max_epochs', 'param_scheduler'}
    (warm_up, _), (same, decay) = one['param_scheduler'], two['param_scheduler']
    assert warm_up == same and (two['train_cfg']['max_epochs'], decay['milestones']) == (
        24,
        [16, 22],
    )


@pytest.mark.parametrize('stage', ['seed', 'search', 'adapt'])
@pytest.mark.parametrize('seed', ['fbnetc', 'proxyless'])
def test_other_mbconv_seeds_have_mobilenets_settings(seed, stage):
    """FNA++, Sec. 4.5: but for the backbone and the channels that it gives."""
    one, two = (
        Config.fromfile(str(FNA / f'retinanet_{name}_{stage}.py')).to_dict()
        for name in (seed, 'mbv2')
    )
    parts = ('shared.', 'plain.', 'supernet.', 'model.backbone.')
    own = {'checkpoint', 'channels', 'pixels', 'model.neck.in_channels'}
    own |= {'found', 'default_hooks.remap.checkpoint'} if stage == 'adapt' else set()
    assert {d for d in differences(one, two) if not d.startswith(parts)} <= own


@pytest.mark.parametrize('data', ['bccd', 'toy'])
def test_ablations_differ_in_the_weights_they_begin_with(data):
    adapt, seed = read('adapt', data), read('adapt-seed', data)
    assert differences(adapt, seed) == {'model.backbone.init_cfg', 'default_hooks.remap'}
    remap = adapt['default_hooks']['remap']
    assert remap['type'] == 'mmtransfer.RemapHook' and 'remap' not in seed['default_hooks']
    assert seed['model']['backbone']['init_cfg']['type'] == 'mmtransfer.Remap'
    for stage, ablated in (('adapt-seed', 'adapt-scratch'), ('search', 'search-scratch')):
        one, two = read(stage, data), read(ablated, data)
        assert differences(one, two) == {'model.backbone.init_cfg'}
        assert two['model']['backbone']['init_cfg'] is None


@pytest.mark.parametrize('width', ['bn_scale', 'std', 'l1'])
def test_strategies_by_one_option_for_search_and_fine_tune(width):
    option = {'model.backbone.init_cfg.width': width}
    for stage in ('search', 'adapt-seed'):
        plain, changed = read(stage, 'bccd'), read(stage, 'bccd', **option)
        assert differences(plain, changed) == {'model.backbone.init_cfg.width'}


def test_dilation_can_treat_every_layer_of_its_search():
    search = read('search-k35', 'bccd', **{'model.backbone.init_cfg.kernel': 'dilate'})
    assert differences(search, read('search', 'bccd')) == {
        'model.backbone.kernels',
        'model.backbone.init_cfg.kernel',
    }
    backbone = MODELS.build(dict(search['model']['backbone'], layers=(2, 2, 3, 3, 4, 1)))
    backbone.init_weights()
    grown = backbone.stages[1][0]['k5e6'].depthwise.conv.weight
    assert grown[..., ::2, ::2].count_nonzero() == grown.count_nonzero() > 0


@pytest.mark.parametrize(
    ('name', 'ablated', 'base'),
    [
        ('retinanet_mbv2', 'adapt-scratch', 'adapt-seed'),
        ('retinanet_mbv2', 'search-random-scratch', 'search-random'),
        ('retinanet_efflite0', 'search-random-scratch_bccd', 'search-random_bccd'),
        ('deeplabv3_mbv2', 'adapt-scratch', 'adapt-seed'),
        ('deeplabv3_mbv2', 'search-scratch', 'search'),
    ],
)
def test_the_papers_own_begin_with_random_weights(name, ablated, base):
    one, two = (Config.fromfile(str(FNA / f'{name}_{s}.py')).to_dict() for s in (base, ablated))
    assert differences(one, two) == {'model.backbone.init_cfg'}
    assert two['model']['backbone']['init_cfg'] is None


@pytest.mark.parametrize('name', ['retinanet_mbv2', 'deeplabv3_mbv2', 'ssdlite_mbv2'])
def test_the_papers_own_from_the_seed(name):
    """The adapted network's fine-tune but for where the weights come from."""
    one, two = (
        Config.fromfile(str(FNA / f'{name}_{s}.py')).to_dict() for s in ('adapt', 'adapt-seed')
    )
    places = {'found', 'model.backbone.init_cfg', 'default_hooks.remap'}
    assert differences(one, two) - {'model.neck.init_cfg'} == places
    assert one['default_hooks']['remap']['type'] == 'mmtransfer.RemapHook'
    assert 'remap' not in two['default_hooks'] and 'reestimate_bn' in two['default_hooks']
    assert two['model']['backbone']['init_cfg']['type'] == 'mmtransfer.Remap'
    if name == 'retinanet_mbv2':
        twice = Config.fromfile(str(FNA / f'{name}_adapt-seed_2x.py'))
        _, decay = twice.param_scheduler
        assert twice.train_cfg.max_epochs == 24 and decay.milestones == [16, 22]


def test_the_papers_random_search_keeps_the_seeds_cost():
    cfg = Config.fromfile(str(FNA / 'retinanet_mbv2_search-random.py'))
    space = space_around('mobilenet_v2')
    table = cost_table(space, tuple(cfg.train_cfg.input_size))
    assert cfg.train_cfg.searcher.target == 'seed'
    assert cost_in_units('seed', table) == table.of(closest_to_seed(space)) == 4_847_148_800


def test_pretraining_on_imagenet_between_search_and_fine_tune(tmp_path):
    """Table 13, row 6: the backbone of the fine-tune is the one that was pretrained."""
    searched = tmp_path / 'search'
    seed_architecture('mobilenet_v2').write(searched / 'architecture.json')
    cfg = Config.fromfile(str(FNA / 'classifier_mbv2_pretrain.py'))
    pretrained = run(shrink(cfg, tmp_path / 'pretrain', searched=searched))
    seed_architecture('mobilenet_v2').write(Path(pretrained.work_dir) / 'architecture.json')
    cfg = Config.fromfile(str(FNA / 'deeplabv3_mbv2_adapt-pretrain.py'))
    assert cfg.default_hooks.remap.checkpoint == 'work_dirs/classifier_mbv2_pretrain'
    cfg = shrink(cfg, tmp_path / 'tuned', searched=Path(pretrained.work_dir))
    cfg.optim_wrapper.optimizer.lr = 0.0
    tuned = run(cfg)
    expected = dict(pretrained.model.backbone.named_parameters())
    for name, parameter in tuned.model.backbone.named_parameters():
        assert torch.equal(parameter, expected[name]), name
