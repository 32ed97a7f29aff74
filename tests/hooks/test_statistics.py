"""What is validated is what is saved, on several ranks; and what is frozen keeps every bit."""

import os
import types
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import CheckpointHook, EMAHook, Hook, SyncBuffersHook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch import nn

from mmtransfer import compat
from mmtransfer.data.split import seeded
from mmtransfer.hooks import statistics as statistics_hook
from mmtransfer.hooks.checkpoint import CheckpointHook as OurCheckpointHook
from mmtransfer.hooks.statistics import (
    AverageStatisticsHook,
    ReestimateBNHook,
    average_statistics,
    ensure_averaged,
)
from mmtransfer.registry import DATASETS, METRICS
from tests.engine.tiny import TinyImages, search_config
from tests.processes import run_ranks
from tests.scoring.test_bn import batches
from tests.shrink import shrink

FNA = Path(__file__).parents[2] / 'configs/fna'
RUNS = {
    'mmdet': 'retinanet_mbv2_seed',
    'mmseg': 'deeplabv3_mbv2_seed',
    'mmpose': 'simplebaseline_efflite0_seed_toy',
    'a search': '',
}


@METRICS.register_module()
class SumOfPredictions(BaseMetric):
    """Every number that a model predicts, added up: no change of the weights escapes it."""

    def process(self, data_batch, data_samples):
        self.results += [_sum({k: v for k, v in s.items() if 'pred' in k or 'seg_logits' in k})
                         for s in data_samples]  # fmt: skip

    def compute_metrics(self, results):
        return dict(sum=float(np.mean(results)))


def _sum(value):
    if isinstance(value, dict):
        return sum(map(_sum, value.values()))
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return float(torch.as_tensor(value).double().sum())
    return 0.0


@DATASETS.register_module()
class StillImages(TinyImages):
    """The same image whenever it is read."""

    def prepare_data(self, idx):
        with seeded(idx):
            return super().prepare_data(idx)


class Predicted:
    """A classifier's logits in its predictions, for the metric."""

    def forward(self, inputs, label=None, mode='tensor'):
        if mode != 'predict':
            return TINY_FORWARD(self, inputs, label, mode)
        return [dict(pred=row) for row in TINY_FORWARD(self, inputs, label, 'tensor')]


def config(name, folder):
    if name == 'a search':
        cfg = search_config(folder, epochs=2)
        cfg.custom_hooks, cfg.train_dataloader.batch_size = [], 2
        cfg.val_dataloader.dataset.type = 'mmtransfer.StillImages'
    else:
        cfg = shrink(Config.fromfile(str(FNA / f'{RUNS[name]}.py')), folder)
    for part in ('val', 'test'):
        cfg[f'{part}_dataloader'] = cfg.val_dataloader
        cfg[f'{part}_evaluator'] = dict(type='mmtransfer.SumOfPredictions')
    cfg.test_cfg = cfg.get('test_cfg') or dict(type='TestLoop')
    cfg.val_dataloader.batch_size = cfg.test_dataloader.batch_size = 1
    cfg.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
    if 'max_iters' in cfg.train_cfg:
        cfg.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    cfg.default_hooks.checkpoint.pop('save_best', None)
    cfg.work_dir = str(folder / 'work')
    return cfg


def run(cfg, **changes):
    """A runner of the config; what the toolbox calls its own stays until the next one."""
    DefaultScope._instance_dict.clear()
    return Runner.from_cfg(Config({**cfg.to_dict(), **changes}))


def differ(runner):
    """Whether the ranks have other statistics than the first one."""
    own = torch.cat([v for k, v in runner.model.state_dict().items() if 'running_mean' in k])
    first = own.clone()
    dist.broadcast(first, 0)
    return not torch.equal(own, first)


def worker(rank, port, folder):
    global TINY_FORWARD
    from tests.engine.tiny import TinyClassifier

    TINY_FORWARD, TinyClassifier.forward = TinyClassifier.forward, Predicted.forward
    os.environ.update(LOCAL_RANK=str(rank), RANK=str(rank), WORLD_SIZE='2')
    compat.apply()
    dist.init_process_group('gloo', init_method=f'tcp://127.0.0.1:{port}', rank=rank, world_size=2)
    configs = {name: Config.fromfile(f'{folder}/{name}.py') for name in RUNS}
    found, before = {}, []
    average = AverageStatisticsHook.average

    def watched(hook, runner):
        before.append(differ(runner))
        average(hook, runner)

    AverageStatisticsHook.average = watched
    for name, cfg in configs.items():
        before.clear()
        runner = run(cfg, launcher='pytorch')
        runner.train()
        logged = runner.message_hub.get_scalar('val/sum').current()
        found[name] = dict(logged=logged, before=any(before), after=differ(runner))
    dist.destroy_process_group()
    for name, cfg in configs.items() if rank == 0 else ():
        last = (Path(cfg.work_dir) / 'last_checkpoint').read_text()
        hooks = [dict(type='mmtransfer.SearchLogHook')] if name == 'a search' else []
        runner = run(cfg, load_from=last, custom_hooks=hooks)
        found[name]['alone'] = runner.test()['sum']
    torch.save(found, f'{folder}/{rank}.pth')


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('statistics')
    compat.apply()
    for name in RUNS:
        config(name, folder / name.replace(' ', '_')).dump(f'{folder}/{name}.py')
    run_ranks(worker, folder)
    return [torch.load(folder / f'{r}.pth', weights_only=True) for r in (0, 1)]


@pytest.mark.parametrize('name', RUNS)
def test_the_metric_logged_is_that_of_the_checkpoint_tested_alone(ranks, name):
    first, second = (r[name] for r in ranks)
    assert first['logged'] == second['logged'] == first['alone']
    assert np.isfinite(first['logged']) and first['logged'] != 0
    assert second['before'] and not second['after']


def three_ranks(monkeypatch, differences=0.0):
    """This process is the first of three; the others differ by so much."""
    monkeypatch.setattr(statistics_hook, 'get_world_size', lambda: 3)
    monkeypatch.setattr(statistics_hook, 'broadcast', lambda tensor: None)
    monkeypatch.setattr(statistics_hook, 'all_reduce', lambda tensor: tensor.add_(differences))


def normed(number=2000):
    torch.manual_seed(0)
    net = nn.Sequential(nn.BatchNorm2d(number), nn.InstanceNorm2d(4, track_running_stats=True))
    for buffer in (net[0].running_mean, net[0].running_var, net[1].running_mean):
        buffer.copy_(torch.randn(buffer.shape))
    net[0].num_batches_tracked.fill_(7)
    return net


def test_equal_statistics_of_three_ranks_keep_every_bit(monkeypatch):
    """The plain mean of three equal numbers is another one in every tenth case."""
    net = normed()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    x = before['0.running_mean']
    assert ((x + x + x) / 3 != x).float().mean() > 0.1
    three_ranks(monkeypatch)
    for _ in range(3):
        average_statistics([net])
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


def test_statistics_become_the_mean_and_nothing_else_moves(monkeypatch):
    net = normed()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    three_ranks(monkeypatch, differences=6.0)  # the two others together
    average_statistics([net])
    moved = {k for k, v in net.state_dict().items() if not torch.equal(v, before[k])}
    assert moved == {'0.running_mean', '0.running_var'}
    expected = (before['0.running_mean'].double() + 2).float()
    assert torch.equal(net[0].running_mean, expected)


def runner_of(*hooks, **attributes):
    calls = []
    runner = types.SimpleNamespace(
        hooks=list(hooks),
        iter=0,
        max_iters=10,
        model=nn.Sequential(),
        logger=types.SimpleNamespace(info=calls.append),
        register_hook=lambda hook: runner.hooks.append(hook),
        **attributes,
    )
    return runner, calls


def test_stock_hooks_for_the_same_rest(monkeypatch):
    from mmdet.engine.hooks import SyncNormHook as OfDetection
    from mmpose.engine.hooks import SyncNormHook as OfPose

    three_ranks(monkeypatch)
    others = [SyncBuffersHook(), OfDetection(), OfPose()]
    others[0].distributed = True  # would reduce with no group
    runner, log = runner_of(*others, Hook())
    AverageStatisticsHook().before_train(runner)
    for hook in others:
        hook.after_train_epoch(runner)
        hook.before_val_epoch(runner)
    assert [line.split()[0] for line in log] == ['SyncBuffersHook', 'SyncNormHook', 'SyncNormHook']


def test_it_acts_before_checkpoints_that_fall_inside_an_epoch(monkeypatch):
    hook = AverageStatisticsHook()
    saving = CheckpointHook(interval=3, by_epoch=False)
    runner, _ = runner_of(hook, saving)
    acted = []
    monkeypatch.setattr(hook, 'average', lambda runner: acted.append(runner.iter))
    for runner.iter in range(10):
        hook.after_train_iter(runner, 0)
    assert acted == [2, 5, 8, 9]  # after the 3rd, 6th, 9th, and the last
    saving.by_epoch = True
    hook.after_train_iter(runner, 0)
    assert len(acted) == 4


def test_averaged_copies_have_statistics_too(monkeypatch):
    seen = []
    three_ranks(monkeypatch)
    monkeypatch.setattr(statistics_hook, 'average_statistics', seen.extend)
    ema = EMAHook()
    ema.ema_model = nn.Sequential()
    runner, _ = runner_of(ema)
    AverageStatisticsHook().average(runner)
    assert seen == [runner.model, ema.ema_model]


def test_a_loop_of_ours_adds_it_where_it_is_forgotten():
    runner, _ = runner_of(Hook())
    ensure_averaged(runner)
    ensure_averaged(runner)
    assert [type(h) for h in runner.hooks] == [Hook, AverageStatisticsHook]
    runner, _ = runner_of(OurCheckpointHook())  # which has one
    ensure_averaged(runner)
    assert len(runner.hooks) == 1


@pytest.mark.parametrize(
    ('iteration', 'resumed', 'acts'), [(0, False, True), (5, False, False), (0, True, False)]
)
def test_hook_acts_on_a_fresh_run_only(iteration, resumed, acts):
    model = nn.Sequential(nn.BatchNorm2d(3)).double()
    runner = types.SimpleNamespace(
        iter=iteration,
        _resume=resumed,
        model=model,
        train_dataloader=batches(),
        logger=types.SimpleNamespace(info=lambda text: None),
    )
    ReestimateBNHook(iterations=2).before_train(runner)
    assert bool(model[0].running_mean.abs().sum() > 0) == acts
    with pytest.raises(ValueError, match='at least 1'):
        ReestimateBNHook(iterations=0)
