"""The configs of pose estimation: Sec. 4.3's settings; runs, shrunken; bad input."""

import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.data.split import SeededSamples
from mmtransfer.hooks.checks.channels import ChannelsError
from mmtransfer.hooks.checks.head_boxes import HeadBoxesError
from tests.engine.test_search_loop import assert_equal_states, tensors
from tests.shrink import shrink

FNA = Path(__file__).parent.parent / 'configs/fna'


@pytest.fixture(autouse=True)
def _clean():
    compat.apply()
    yield
    DefaultScope._instance_dict.clear()


def read(name: str) -> Config:
    return Config.fromfile(str(FNA / f'simplebaseline_{name}.py'))


def run(cfg: Config) -> Runner:
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def losses(runner: Runner) -> list[float]:
    return [float(v) for v in runner.message_hub.get_scalar('train/loss')._log_history]


@pytest.mark.parametrize('kind', ['mbv2', 'efflite0'])
def test_search_then_adapt_runs(kind, tmp_path):
    suffix = '' if kind == 'mbv2' else '_lsp'
    search = run(shrink(read(f'{kind}_search{suffix}'), tmp_path / 'search'))
    assert search.iter == 4 and all(math.isfinite(v) for v in losses(search))
    searched = Path(search.work_dir)
    found = Architecture.read(searched / 'architecture.json')

    adapt = run(shrink(read(f'{kind}_adapt{suffix}'), tmp_path / 'adapt', searched=searched))
    assert adapt.iter == 2 and all(math.isfinite(v) for v in losses(adapt))
    assert adapt.model.backbone.architecture == found
    assert list(Path(adapt.work_dir).glob('best_PCK_*.pth'))


@pytest.mark.parametrize('name', ['mbv2_seed', 'efflite0_seed_toy'])
def test_seed_runs(name, tmp_path):
    runner = run(shrink(read(name), tmp_path))
    assert runner.iter == 2 and all(math.isfinite(v) for v in losses(runner))


def test_resume_is_bit_for_bit(tmp_path):
    """4 iterations == 2 iterations, another process state, 2 more; with a loader worker."""

    def config(name: str) -> Config:
        cfg = shrink(read('mbv2_search'), tmp_path)
        cfg.train_dataloader.update(num_workers=1, persistent_workers=True)
        cfg.work_dir, cfg.visualizer.name = str(tmp_path / name), name
        return cfg

    whole = Path(run(config('whole')).work_dir)
    resumed = config('resumed')
    resumed.resume, resumed.load_from = True, str(whole / 'epoch_1.pth')
    torch.manual_seed(999)
    again = Path(run(resumed).work_dir)
    assert_equal_states(tensors(whole / 'epoch_2.pth'), tensors(again / 'epoch_2.pth'))


def test_augmentation_follows_from_the_seed_of_a_sample(tmp_path):
    cfg = shrink(read('efflite0_seed_lsp'), tmp_path)
    with DefaultScope.overwrite_default_scope('mmpose'):
        data = DATASETS.build(cfg.train_dataloader.dataset)
    images = [SeededSamples(data, seed)[epoch, 0]['inputs'] for seed, epoch in
              ((1, 0), (1, 0), (2, 0), (1, 1))]  # fmt: skip
    assert torch.equal(images[0], images[1])
    assert not torch.equal(images[0], images[2]) and not torch.equal(images[0], images[3])


def test_the_settings_of_section_4_3():
    search, adapt, seed = (read(f'mbv2_{stage}') for stage in ('search', 'adapt', 'seed'))
    arch = search.optim_wrapper.arch.optimizer
    assert (arch.type, arch.lr, arch.weight_decay) == ('Adam', 3e-3, 0)
    loop = search.train_cfg
    assert (loop.max_epochs, loop.arch_begin, loop.split.arch) == (140, 70, 0.2)
    assert loop.regularisers == [dict(type='mmtransfer.CostTerm', factor=3e-5)]
    assert tuple(loop.input_size) == (256, 256)
    # SimpleBaseline's own training on MPII.
    for weights in (search.optim_wrapper.weights, adapt.optim_wrapper, seed.optim_wrapper):
        assert weights.optimizer == dict(type='Adam', lr=1e-3)
    for schedule in (search.param_scheduler.weights, adapt.param_scheduler, seed.param_scheduler):
        (decay,) = schedule
        assert (decay.type, decay.milestones, decay.gamma) == ('MultiStepLR', [90, 120], 0.1)
    for cfg in (search, adapt, seed):
        pipeline = cfg.train_dataloader.dataset.pipeline
        (augmentation,) = [t for t in pipeline if t.type == 'RandomBBoxTransform']
        assert augmentation.rotate_factor == 60
        assert tuple(augmentation.scale_factor) == (0.75, 1.25)
        assert cfg.train_dataloader.batch_size == 32 and cfg.train_cfg.max_epochs == 140
        assert cfg.model.head.in_channels == 320
        assert tuple(cfg.model.head.decoder.input_size) == (256, 256)
        assert cfg.val_evaluator.type == 'MpiiPCKAccuracy'
        assert cfg.val_dataloader.dataset.headbox_file.endswith('.mat')
    assert adapt.default_hooks.checkpoint.save_best == 'PCK'


@pytest.mark.parametrize('data', ['lsp', 'toy'])
def test_sizes_of_the_small_searches_agree(data):
    cfg = read(f'efflite0_search_{data}')
    assert tuple(cfg.train_cfg.input_size) == tuple(cfg.codec.input_size)
    (made,) = [t for t in cfg.train_dataloader.dataset.pipeline if t.type == 'GenerateTarget']
    assert cfg.model.head.decoder == made.encoder == cfg.codec


@pytest.mark.parametrize('stage', ['search', 'seed'])
def test_pckh_of_people_without_head_boxes_ends_before_training(stage, tmp_path):
    cfg = shrink(read(f'mbv2_{stage}'), tmp_path)
    cfg.val_dataloader.dataset.headbox_file = None
    with pytest.raises(HeadBoxesError, match='val_dataloader.dataset.headbox_file'):
        run(cfg)
    assert not list(Path(cfg.work_dir).glob('*.pth'))


@pytest.mark.parametrize('stage', ['search', 'seed'])
def test_a_head_of_other_channels_ends_before_training(stage, tmp_path):
    cfg = shrink(read(f'mbv2_{stage}'), tmp_path)
    cfg.model.head.in_channels = 1280
    with pytest.raises(ChannelsError, match=r'head.in_channels must equal .* 320 .*received 1280'):
        run(cfg)
