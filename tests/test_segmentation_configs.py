"""The configs of segmentation: Sec. 4.1's settings; runs, shrunken; bad input."""

import math
import uuid
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.cost.table import cost_table
from mmtransfer.data.loaders import EndlessSamplerError
from mmtransfer.data.split import innermost, split_dataset
from mmtransfer.hooks.checks.channels import ChannelsError
from mmtransfer.remap import RemapError
from mmtransfer.spaces import mbconv_space
from tests.engine.test_search_loop import assert_equal_states, tensors
from tests.shrink import SUPERNET, shrink

FNA = Path(__file__).parent.parent / 'configs/fna'


@pytest.fixture(autouse=True)
def _clean():
    compat.apply()
    yield
    DefaultScope._instance_dict.clear()


def read(name: str) -> Config:
    return Config.fromfile(str(FNA / f'{name}.py'))


def run(cfg: Config) -> Runner:
    cfg.visualizer.name = uuid.uuid4().hex
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def losses(runner: Runner) -> list[float]:
    return [float(v) for v in runner.message_hub.get_scalar('train/loss')._log_history]


@pytest.fixture(scope='module')
def searched(tmp_path_factory) -> Path:
    """Work directory of a finished search with MobileNetV2."""
    compat.apply()
    runner = run(shrink(read('deeplabv3_mbv2_search'), tmp_path_factory.mktemp('search')))
    assert runner.iter == 4 and all(math.isfinite(v) for v in losses(runner))
    assert 0 <= runner.message_hub.get_scalar('val/mIoU').current() <= 100
    return Path(runner.work_dir)


@pytest.mark.parametrize('name', ['deeplabv3_mbv2_adapt', 'deeplabv3plus_mbv2_adapt_os8'])
def test_a_searched_network_is_adapted(name, searched, tmp_path):
    found = Architecture.read(searched / 'architecture.json')
    runner = run(shrink(read(name), tmp_path, searched=searched))
    backbone = runner.model.backbone
    assert runner.iter == 2 and all(math.isfinite(v) for v in losses(runner))
    assert backbone.architecture == found
    assert backbone.output_stride == (8 if 'os8' in name else 16)
    assert list(Path(runner.work_dir).glob('best_mIoU_*.pth'))


def test_the_cost_of_a_search_is_that_of_its_output_stride(searched):
    found = Architecture.read(searched / 'architecture.json')
    table = cost_table(mbconv_space('mobilenet_v2', **SUPERNET), found.input_size, 'madds', 16)
    assert found.cost['madds'] == table.of(found)
    assert read('deeplabv3_mbv2_search').model.backbone.output_stride == 16


def test_another_decoder_must_be_initialised(searched, tmp_path):
    cfg = shrink(read('deeplabv3plus_mbv2_adapt'), tmp_path, searched=searched)
    cfg.default_hooks.remap.initialise = []
    with pytest.raises(RemapError, match=r'decode_head.*initialise'):
        run(cfg)


def test_search_then_adapt_runs_on_camvid(tmp_path):
    search = run(shrink(read('deeplabv3_efflite0_search_camvid'), tmp_path / 'search'))
    assert search.iter == 4 and all(math.isfinite(v) for v in losses(search))
    folder = Path(search.work_dir)
    cfg = shrink(read('deeplabv3_efflite0_adapt_camvid'), tmp_path / 'adapt', searched=folder)
    adapt = run(cfg)
    assert adapt.iter == 2 and all(math.isfinite(v) for v in losses(adapt))
    assert adapt.model.backbone.architecture == Architecture.read(folder / 'architecture.json')


@pytest.mark.parametrize(
    'name', ['deeplabv3_mbv2_seed', 'deeplabv3_efflite0_seed_toy', 'deeplabv3plus_mbv2_seed']
)
def test_seed_runs(name, tmp_path):
    runner = run(shrink(read(name), tmp_path))
    assert runner.iter == 2 and all(math.isfinite(v) for v in losses(runner))


def test_resume_is_bit_for_bit(tmp_path):
    """4 iterations == 2 iterations, another process state, 2 more; with a loader worker."""

    cfg = shrink(read('deeplabv3_efflite0_search_toy'), tmp_path)
    cfg.train_dataloader.update(num_workers=1, persistent_workers=True)
    whole = Path(run(cfg).work_dir)
    resumed = cfg.copy()
    resumed.update(work_dir=str(tmp_path / 'again'), resume=True)
    resumed.load_from = str(whole / 'epoch_1.pth')
    torch.manual_seed(999)
    again = Path(run(resumed).work_dir)
    assert again != whole
    assert_equal_states(tensors(whole / 'epoch_2.pth'), tensors(again / 'epoch_2.pth'))


def test_a_fifth_of_the_images_is_for_the_architecture(tmp_path):
    cfg = read('deeplabv3_mbv2_search')
    share = cfg.train_cfg.split.arch
    data = shrink(cfg, tmp_path).train_dataloader.dataset
    with DefaultScope.overwrite_default_scope('mmseg'):
        parts = split_dataset(data, share, 0)
    weights, arch = (
        {part.get_data_info(i)['img_path'] for i in range(len(part))}
        for whole in parts
        for part in innermost(whole)
    )
    assert share == 0.2 and (len(weights), len(arch)) == (6, 2) and not weights & arch


def test_an_endless_sampler_ends_before_training(tmp_path):
    cfg = shrink(read('deeplabv3_mbv2_search'), tmp_path)
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    with pytest.raises(EndlessSamplerError, match='InfiniteSampler goes on.*DefaultSampler'):
        run(cfg)


@pytest.mark.parametrize('stage', ['search', 'seed'])
def test_a_head_of_other_channels_ends_before_training(stage, tmp_path):
    cfg = shrink(read(f'deeplabv3_mbv2_{stage}'), tmp_path)
    cfg.model.decode_head.in_channels = 1280
    with pytest.raises(ChannelsError, match=r'decode_head.in_channels .* 320 .*received 1280'):
        run(cfg)


def test_a_decoder_without_its_low_level_features_ends_before_training(tmp_path):
    cfg = shrink(read('deeplabv3plus_mbv2_seed'), tmp_path)
    cfg.model.backbone.out_indices = (6,)
    with pytest.raises(ChannelsError, match=r'decode_head.in_index .*\[320\].*out_indices'):
        run(cfg)


def test_the_search_has_the_settings_of_section_4_1():
    cfg = read('deeplabv3_mbv2_search')
    weights, arch = cfg.optim_wrapper.weights.optimizer, cfg.optim_wrapper.arch.optimizer
    assert weights == dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=5e-4)
    assert arch == dict(type='Adam', lr=1e-3, betas=(0.5, 0.999), weight_decay=4e-5)
    warm_up, decay = cfg.param_scheduler.weights
    assert warm_up.start_factor * weights.lr == pytest.approx(1e-4)
    assert (warm_up.begin, warm_up.end, warm_up.convert_to_iter_based) == (0, 5, True)
    assert (decay.type, decay.eta_min, decay.begin, decay.end) == ('CosineAnnealingLR', 1e-3, 5, 80)
    loop = cfg.train_cfg
    assert (loop.max_epochs, loop.arch_begin, loop.split.arch) == (80, 30, 0.2)
    assert loop.regularisers == [dict(type='mmtransfer.CostTerm', factor=5e-3)]
    assert tuple(cfg.model.backbone.layers) == (4, 4, 6, 6, 4, 1)
    assert cfg.model.backbone.output_stride == 16
    assert cfg.train_dataloader.batch_size == 16
    resize, crop = (
        next(t for t in cfg.train_dataloader.dataset.pipeline if t.type == kind)
        for kind in ('Resize', 'RandomCrop')
    )
    assert tuple(resize.scale) == (1024, 512)
    assert tuple(crop.crop_size) == tuple(cfg.model.data_preprocessor.size) == (321, 321)


@pytest.mark.parametrize('name', ['deeplabv3_mbv2', 'deeplabv3plus_mbv2'])
@pytest.mark.parametrize('stage', ['seed', 'adapt'])
def test_the_fine_tune_has_the_settings_of_section_4_1(name, stage):
    cfg = read(f'{name}_{stage}')
    optimizer = cfg.optim_wrapper.optimizer
    assert optimizer == dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4)
    warm_up, decay = cfg.param_scheduler
    assert warm_up.start_factor * optimizer.lr == pytest.approx(1e-4)
    assert warm_up.end == decay.begin == 5000
    assert (decay.type, decay.eta_min, decay.end) == ('PolyLR', 0, 100_000)
    assert (cfg.train_cfg.type, cfg.train_cfg.max_iters) == ('IterBasedTrainLoop', 100_000)
    assert cfg.train_dataloader.batch_size == 4  # in 4 processes
    scales, crop = (
        next(t for t in cfg.train_dataloader.dataset.pipeline if t.type == kind)
        for kind in ('RandomChoiceResize', 'RandomCrop')
    )
    factors = [0.75, 1.0, 1.25, 1.5, 1.75, 2.0]
    assert [tuple(s) for s in scales.scales] == [(2048 * f, 1024 * f) for f in factors]
    assert tuple(crop.crop_size) == tuple(cfg.model.data_preprocessor.size) == (769, 769)
    assert cfg.default_hooks.checkpoint.save_best == 'mIoU'
    if stage == 'adapt':
        again = cfg.default_hooks.reestimate_bn
        assert again == dict(type='mmtransfer.ReestimateBNHook', iterations=2000)
