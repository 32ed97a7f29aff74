"""Every config builds; one of each framework and stage runs. All of them: ``-m all_configs``."""

import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.architecture import Architecture, ArchitectureError
from mmtransfer.cost.table import cost_table
from mmtransfer.search.regularisers import terms_in_units
from mmtransfer.search.target import searcher_in_units
from mmtransfer.seeds import find_seed
from mmtransfer.spaces import closest_to_seed, depth_space, mbconv_space, seed_architecture
from tests.shrink import seed_of, shrink

ROOT = Path(__file__).parent.parent
CONFIGS = sorted((ROOT / 'configs').glob('[!_]*/*.py'))
FNA = ROOT / 'configs/fna'

FRAMEWORKS = ('retinanet', 'ssdlite', 'faster-rcnn', 'fcos')


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    """The remedies applied; torch's and MMEngine's globals as before."""
    compat.apply()
    yield
    DefaultScope._instance_dict.clear()


def read(name: str | Path) -> Config:
    path = name if isinstance(name, Path) else FNA / f'{name}.py'
    return Config.fromfile(str(path))


def run(cfg: Config) -> Runner:
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def channels_read(cfg: Config) -> list[int]:
    """Of the features that the neck or, without one, the head expects."""
    model = cfg.model
    if model.type == 'mmtransfer.ImageClassifier':  # the last stage's
        name = model.backbone.get('seed') or model.backbone.architecture.partition(':')[0]
        return [find_seed(name).stages[-1].channels]
    reader = model.get('neck') or model.get('decode_head') or model.head
    return [reader.in_channels] if isinstance(reader.in_channels, int) else [*reader.in_channels]


def losses(runner: Runner) -> list[float]:
    return [float(v) for v in runner.message_hub.get_scalar('train/loss')._log_history]


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_every_config_builds_its_model(path):
    cfg = read(path)
    if str(cfg.model.backbone.get('architecture', '')).endswith('.json'):
        cfg.model.backbone.architecture = seed_of(path.stem)
    init_default_scope(cfg.default_scope)
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    index = cfg.model.get('decode_head', {}).get('in_index', -1)
    given = list(model.backbone.out_channels)
    assert (given if len(channels_read(cfg)) > 1 else [given[index]]) == channels_read(cfg)
    if 'efflite0' in path.stem:
        pixels = cfg.model.data_preprocessor
        assert (pixels.mean, pixels.std, pixels.bgr_to_rgb) == ([127.0] * 3, [128.0] * 3, True)


@pytest.mark.parametrize('framework', FRAMEWORKS)
def test_search_then_adapt_runs(framework, tmp_path):
    search = run(shrink(read(f'{framework}_mbv2_search'), tmp_path / 'search'))
    assert search.iter == 4 and all(math.isfinite(v) for v in losses(search))
    found = Architecture.read(Path(search.work_dir) / 'architecture.json')
    assert found.seed == 'mobilenet_v2'

    searched = Path(search.work_dir)
    adapt = run(shrink(read(f'{framework}_mbv2_adapt'), tmp_path / 'adapt', searched=searched))
    assert adapt.iter == 2 and all(math.isfinite(v) for v in losses(adapt))
    assert adapt.model.backbone.architecture == found


@pytest.mark.parametrize('seed', ['r18', 'r50', 'fbnetc', 'proxyless'])
def test_every_seed_network_is_searched_and_adapted(seed, tmp_path):
    search = run(shrink(read(f'retinanet_{seed}_search'), tmp_path / 'search'))
    assert search.iter == 4 and all(math.isfinite(v) for v in losses(search))
    searched = Path(search.work_dir)
    adapt = run(shrink(read(f'retinanet_{seed}_adapt'), tmp_path / 'adapt', searched=searched))
    assert adapt.model.backbone.architecture == Architecture.read(searched / 'architecture.json')
    assert adapt.iter == 2 and all(math.isfinite(v) for v in losses(adapt))


def test_the_settings_of_section_4_4():
    small, large, tuned = (
        read(f'retinanet_{n}') for n in ('r18_search', 'r50_search', 'r50_adapt')
    )
    assert small.optim_wrapper.weights.optimizer == dict(
        type='SGD', lr=0.02, momentum=0.9, weight_decay=5e-5
    )
    assert large.optim_wrapper.weights.optimizer == dict(
        type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4
    )
    assert small.train_dataloader.batch_size == 2 and large.train_dataloader.batch_size == 1
    for cfg in (small, large, tuned):
        (resize,) = [t for t in cfg.train_dataloader.dataset.pipeline if t.type == 'Resize']
        assert tuple(resize.scale) == (1333, 800)
    assert tuned.model.backbone.norm_eval and not tuned.model.backbone.norm_cfg.requires_grad
    bn = tuned.default_hooks.reestimate_bn
    assert (bn.iterations, bn.frozen) == (200, True)
    assert tuned.optim_wrapper.optimizer == dict(
        type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4
    )


def test_the_2x_schedule():
    for stage in ('seed', 'adapt'):
        cfg = read(f'retinanet_mbv2_{stage}_2x')
        assert cfg.train_cfg.max_epochs == 24
        warm_up, decay = cfg.param_scheduler
        assert warm_up.type == 'LinearLR' and decay.milestones == [16, 22]


@pytest.mark.parametrize('framework', FRAMEWORKS)
def test_seed_runs(framework, tmp_path):
    runner = run(shrink(read(f'{framework}_mbv2_seed'), tmp_path))
    assert runner.iter == 2 and all(math.isfinite(v) for v in losses(runner))


@pytest.mark.all_configs
@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_every_config_runs(path, tmp_path):
    runner = run(shrink(read(path), tmp_path))
    assert runner.iter in (2, 4) and all(math.isfinite(v) for v in losses(runner))


def test_adapting_before_searching_says_so():
    cfg = read('retinanet_mbv2_adapt')
    cfg.model.backbone.architecture = 'nowhere/architecture.json'
    init_default_scope(cfg.default_scope)
    with pytest.raises(ArchitectureError, match=r'nowhere/architecture\.json.*tools/train\.py'):
        MODELS.build(cfg.model)


@pytest.mark.parametrize('framework', FRAMEWORKS[2:])
def test_another_detector_is_at_most_15_lines(framework):
    for stage in ('seed', 'search', 'adapt'):
        assert len((FNA / f'{framework}_mbv2_{stage}.py').read_text().splitlines()) <= 15


def test_the_settings_of_section_4_2():
    search, adapt = read('retinanet_mbv2_search'), read('retinanet_mbv2_adapt')
    weights, arch = search.optim_wrapper.weights, search.optim_wrapper.arch
    assert weights.optimizer == dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4)
    assert arch.optimizer == dict(type='Adam', lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    assert weights.clip_grad.max_norm == arch.clip_grad.max_norm == 35
    assert (search.train_cfg.max_epochs, search.train_cfg.arch_begin) == (14, 8)
    assert tuple(search.train_cfg.alternation) == (1, 1)
    assert search.train_cfg.regularisers == [dict(type='mmtransfer.CostTerm', factor=0.08)]
    assert search.train_cfg.split.arch == 0.5
    assert tuple(search.train_cfg.input_size) == (800, 1088)
    assert search.train_dataloader.batch_size == 2 and adapt.train_dataloader.batch_size == 4
    assert adapt.optim_wrapper.optimizer == dict(
        type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-5
    )
    assert adapt.train_cfg.max_epochs == 12
    for schedule in (search.param_scheduler.weights, adapt.param_scheduler):
        warm_up, decay = schedule
        assert (warm_up.start_factor, warm_up.end) == (1 / 3, 500)
        assert (decay.milestones, decay.gamma) == ([8, 11], 0.1)
    for cfg in (search, adapt):
        for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
            (resize,) = [t for t in loader.dataset.pipeline if t.type == 'Resize']
            assert tuple(resize.scale) == (1088, 800) and resize.keep_ratio


@pytest.mark.parametrize('path', CONFIGS, ids=lambda p: p.stem)
def test_nothing_of_the_base_leaks_in(path):
    cfg = read(path)
    for key in ('train_cfg', 'optim_wrapper', 'param_scheduler', 'default_hooks', 'model'):
        assert '_delete_' not in str(cfg[key]), key
    if 'searcher' in cfg.train_cfg:
        greedy = '_greedy' in path.stem
        parts = {'weights'} if greedy else {'weights', 'arch'}
        assert set(cfg.optim_wrapper) == {'constructor', *parts}
        assert set(cfg.param_scheduler) == parts
    else:
        assert set(cfg.optim_wrapper) - {'clip_grad', '_scope_'} == {'type', 'optimizer'}
        assert cfg.optim_wrapper.type == 'mmtransfer.RegularisedOptimWrapper'
    assert not cfg.get('auto_scale_lr', {}).get('enable')
    assert cfg.default_hooks.checkpoint.type == 'mmtransfer.CheckpointHook'  # joins statistics
    assert 'SyncBuffersHook' not in [hook.type for hook in cfg.get('custom_hooks', [])]
    assert_no_hook_twice(cfg)
    aims = cfg.train_cfg.get('searcher', {}).get('target') == 'seed'
    assert aims == (path.stem in SEED_COSTS)
    paths = 'searcher' in cfg.train_cfg or cfg.model.type == 'mmtransfer.ImageClassifier'
    wrapper = 'AverageGradients' if paths else 'DistributedDataParallel'
    assert cfg.model_wrapper_cfg.type == f'mmtransfer.{wrapper}'


def assert_no_hook_twice(cfg: Config) -> None:
    """Named ones are changed by their names, so no list holds another of the kind."""
    named = {hook.type for hook in cfg.default_hooks.values()}
    listed = [hook.type for hook in cfg.get('custom_hooks', [])]
    assert len(listed) == len(set(listed)) and not named & set(listed)
    changed = {f'mmtransfer.{name}Hook' for name in ('Remap', 'ReestimateBN', 'SamplePath')}
    assert not changed & set(listed)


def test_work_directories_differ():
    """They are named by the config's file, whatever its folder."""
    assert len({path.stem for path in CONFIGS}) == len(CONFIGS)


# What the backbone of the seed costs at the input size of each search: multiply-adds.
SEED_COSTS = {
    'classifier_efflite0_greedy_cifar': 29_700_992,
    'deeplabv3_efflite0_greedy_camvid': 375_402_816,
    'deeplabv3_efflite0_greedy_toy': 347_595_200,
    'deeplabv3_efflite0_search_camvid': 375_402_816,
    'deeplabv3_efflite0_search_toy': 347_595_200,
    'faster-rcnn_efflite0_greedy_bccd': 206_960_256,
    'faster-rcnn_efflite0_greedy_toy': 185_631_200,
    'faster-rcnn_mbv2_greedy': 292_268_928,
    **{f'retinanet_efflite0_search{kind}_bccd': 206_960_256
       for kind in ('', '-k35', '-scratch', '-random', '-random-scratch', '-evolution')},
    **{f'retinanet_efflite0_search{kind}_toy': 185_631_200
       for kind in ('', '-scratch', '-random', '-random-scratch', '-evolution')},
    'retinanet_mbv2_search-random': 4_847_148_800,
    'retinanet_mbv2_search-random-scratch': 4_847_148_800,
    'simplebaseline_efflite0_greedy_lsp': 118_803_968,
    'simplebaseline_efflite0_greedy_toy': 118_803_968,
    'simplebaseline_efflite0_search_lsp': 118_803_968,
    'simplebaseline_efflite0_search_toy': 118_803_968,
    'ssdlite_efflite0_search_toy': 185_631_200,
}  # fmt: skip


@pytest.mark.parametrize('name', SEED_COSTS)
def test_a_target_of_the_seed_is_what_the_seed_costs(name):
    (path,) = (p for p in CONFIGS if p.stem == name)
    cfg = read(path)
    loop, backbone = cfg.train_cfg, cfg.model.backbone
    rule = {k: backbone[k] for k in ('layers', 'kernels', 'restrict') if k in backbone}
    space = (
        depth_space(backbone.seed, backbone.max_blocks)
        if 'max_blocks' in backbone
        else mbconv_space(backbone.seed, **rule)
    )
    table = cost_table(space, tuple(loop.input_size), 'madds', backbone.get('output_stride', 32))
    cost = searcher_in_units(loop.searcher, table)['target']
    assert cost == SEED_COSTS[name] and type(cost) is int
    assert cost == table.of(closest_to_seed(space))
    terms = terms_in_units(loop.get('regularisers', []), table, cost)
    assert [term['target'] for term in terms] == [cost] * len(terms)
    assert bool(terms) == (loop.get('arch_begin') is not None)
    if backbone.seed == 'efficientnet_lite0' and 'max_blocks' not in backbone:
        seed = seed_architecture('efficientnet_lite0')
        assert dict(closest_to_seed(space).options) == dict(seed.options)
