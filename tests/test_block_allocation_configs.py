"""The configs of block allocation's classifiers: the paper's settings, runs, costs."""

import math
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config, DictAction
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.backbones import AdaptedBackbone, DepthSupernet
from mmtransfer.registry import MODELS
from mmtransfer.seeds import allocation

from .shrink import shrink

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / 'configs/block_allocation'
sys.path.insert(0, str(ROOT / 'tools'))
import get_cost as tool  # noqa: E402


@pytest.fixture(autouse=True)
def _clean():
    compat.apply()
    yield
    DefaultScope._instance_dict.clear()


def read(name: str) -> Config:
    return Config.fromfile(str(FOLDER / f'{name}.py'))


def run(cfg: Config) -> Runner:
    runner = Runner.from_cfg(cfg)
    runner.train()
    values = runner.message_hub.get_scalar('train/loss')._log_history
    assert runner.iter == 2 and all(math.isfinite(float(v)) for v in values)
    return runner


def test_supernet_then_child_then_target(tmp_path):
    """The weights go from the supernet to its child, and from there to the target."""
    supernet = run(shrink(read('classifier_r50_supernet'), tmp_path / 'supernet'))
    assert isinstance(supernet.model.backbone, DepthSupernet)
    assert set(supernet.message_hub.log_scalars) >= {'val/accuracy/top1', 'val/accuracy/top5'}

    source = Path(supernet.work_dir)
    child = run(shrink(read('classifier_r50_child'), tmp_path / 'child', searched=source))
    assert isinstance(child.model.backbone, AdaptedBackbone)
    assert child.model.backbone.architecture == allocation('resnet50', [1, 2, 2, 2], [2] * 4)

    cfg = shrink(
        read('classifier_r50_child_cub2010'), tmp_path / 'cub', searched=Path(child.work_dir)
    )
    assert cfg.custom_hooks[0].initialise == ['fc.']
    cfg.optim_wrapper.optimizer.lr = 0.0
    target = run(cfg)
    expected = child.model.state_dict()
    for name, parameter in target.model.named_parameters():
        assert torch.equal(parameter, expected[name]) == (not name.startswith('fc.')), name


@pytest.mark.parametrize('stage', ['supernet', 'child', 'seed'])
def test_the_small_real_one_runs(stage, tmp_path):
    run(shrink(read(f'classifier_efflite0_{stage}_cifar'), tmp_path))


@pytest.mark.parametrize(
    ('seed', 'most'),
    [
        ('r50', [8, 10, 36, 14]),
        ('mbv2', [5, 6, 8, 7, 7]),
        ('mnasnet', [5, 6, 8, 7, 7]),
    ],
)
def test_the_source_training_has_the_settings_of_section_4_1(seed, most):
    for stage in ('supernet', 'child', 'seed'):
        cfg = read(f'classifier_{seed}_{stage}')
        assert cfg.train_cfg.max_epochs == 100
        optimizer = dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4)
        assert cfg.optim_wrapper.optimizer == optimizer
        assert cfg.train_dataloader.batch_size * 32 == cfg.auto_scale_lr.base_batch_size == 2048
        assert cfg.model.label_smoothing == 0.1
        warm_up, steps = cfg.param_scheduler
        assert (warm_up.type, warm_up.begin, warm_up.end) == ('LinearLR', 0, 5)
        assert (steps.milestones, steps.gamma) == ([30, 60, 80], 0.1)
        paths = [h for h in cfg.custom_hooks if h.type == 'mmtransfer.SamplePathHook']
        assert bool(paths) == (stage == 'supernet')
        if stage != 'seed':
            assert cfg.model.backbone.max_blocks == most
        if stage == 'child':
            assert cfg.custom_hooks[0].checkpoint == f'work_dirs/classifier_{seed}_supernet'


@pytest.mark.parametrize('year', [2011, 2010])
@pytest.mark.parametrize('stage', ['child', 'seed'])
def test_fine_grained_training_has_the_settings_of_section_4_3(year, stage):
    cfg = read(f'classifier_r50_{stage}_cub{year}')
    assert cfg.train_cfg.max_epochs == 100 and cfg.train_dataloader.batch_size == 64
    assert cfg.optim_wrapper.optimizer.lr == 0.01
    (steps,) = cfg.param_scheduler
    assert (steps.milestones, steps.gamma) == ([30, 60, 80], 0.1)
    assert cfg.model.num_classes == 200
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        sizes = [t.get('size') or t.get('crop_size') for t in loader.dataset.pipeline]
        assert 448 in sizes and str(year) in loader.dataset.data_root
    assert cfg.custom_hooks[0].checkpoint == f'work_dirs/classifier_r50_{stage}'


def test_blocks_from_the_command_line_build_that_child():
    cfg = read('classifier_r50_child')
    blocks = DictAction._parse_iterable('[1,6,6,3]')
    cfg.merge_from_dict({'model.backbone.blocks': blocks})
    init_default_scope(cfg.default_scope)
    with torch.device('meta'):
        backbone = MODELS.build(cfg.model).backbone
    assert [len(stage) for stage in backbone.stages] == [1, 6, 6, 3]
    assert not any('selection' in name for name in dir(backbone))


def counts(name, blocks):
    args = [str(FOLDER / f'{name}.py'), '--shape', '224', '224']
    options = ['--cfg-options', f'model.backbone.blocks={str(blocks).replace(" ", "")}']
    return tool.get_cost(
        tool.parse_args([*args, '--convention', 'paper-block-allocation', *options])
    )['madds']


@pytest.mark.parametrize(
    ('seed', 'blocks', 'unit', 'published'),
    [
        ('r50', [3, 4, 6, 3], 1.024e9, 3.9913),
        ('r50', [1, 3, 7, 5], 1.024e9, 3.9913),
        ('mbv2', [2, 3, 4, 3, 3], 1e6, 312.3393),
        ('mbv2', [2, 2, 2, 3, 5], 1e6, 311.6808),
        ('mnasnet', [3, 3, 3, 2, 4], 1e6, 313.1359),
        ('mnasnet', [3, 3, 2, 3, 4], 1e6, 318.4232),
    ],
)
def test_published_costs_by_the_tool(seed, blocks, unit, published):
    madds = counts(f'classifier_{seed}_child', blocks)
    assert round(madds['total'] / unit, 4) == published
    # The 1x1 convolution, where there is one; the linear layer does not count in the paper.
    assert madds['head'] == (0 if seed == 'r50' else 320 * 1280 * 49)
