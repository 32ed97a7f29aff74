import itertools
import os
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from mmtransfer import compat
from mmtransfer.checkpoints.errors import CheckpointError
from mmtransfer.checkpoints.reading import read_checkpoint
from mmtransfer.cost import cost_table
from mmtransfer.digests import config_digests
from mmtransfer.hooks.checkpoint import ResumeError, _digests_in_units
from mmtransfer.registry import HOOKS, METRICS, MODELS
from mmtransfer.spaces import mbconv_space, seed_architecture
from tests import processes
from tests.engine.test_search_loop import assert_equal_states
from tests.engine.tiny import loader, search_config


@MODELS.register_module()
class HookToy(BaseModel):
    """One linear layer whose width a config sets."""

    def __init__(self, width=2, extra=False):
        super().__init__()
        self.fc = nn.Linear(3, int(os.environ.get('HOOK_TOY_WIDTH', width)))
        if os.environ.get('HOOK_TOY_EXTRA'):
            self.extra = nn.Linear(1, 1)

    def forward(self, inputs, label=None, mode='tensor'):
        out = self.fc(inputs.mean((2, 3)))
        return dict(loss=out.square().mean()) if mode == 'loss' else [dict(label=0)] * len(inputs)


@METRICS.register_module()
class Scripted(BaseMetric):
    """The first validation scores 0.1, the second 0.3, the third 0.2; or ``better`` at first."""

    def __init__(self, better=None):
        super().__init__()
        self.scores = (better or 0.1, 0.3, 0.2)

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        self.calls = getattr(self, 'calls', 0) + 1
        return dict(acc=self.scores[self.calls - 1])


def config(work_dir, epochs=3, by_epoch=True, **hook):
    hook = dict(type='mmtransfer.CheckpointHook', by_epoch=by_epoch, interval=1, **hook)
    return dict(
        default_scope='mmengine',
        model=dict(type='mmtransfer.HookToy'),
        train_dataloader=loader(number=8),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        param_scheduler=[dict(type='MultiStepLR', milestones=[2])],
        default_hooks=dict(checkpoint=hook),
        work_dir=str(work_dir),
        log_level='ERROR',
        randomness=dict(seed=0),
    )


def validated(cfg, better=None):
    """A config that is validated by ``Scripted``, at best with another score."""
    cfg.update(
        val_dataloader=loader(number=4, shuffle=False),
        val_evaluator=dict(type='mmtransfer.Scripted', better=better),
        val_cfg=dict(type='ValLoop'),
    )
    return cfg


def run(cfg):
    compat.apply()
    runner = Runner.from_cfg(Config(cfg))
    runner.train()
    return runner


def newest(work_dir):
    path = (Path(work_dir) / 'last_checkpoint').read_text()
    return Path(path).name, read_checkpoint(path)


def test_keeps_the_newest_and_says_whose_they_are(tmp_path):
    cfg = config(tmp_path, max_keep_ckpts=2)
    run(cfg)
    assert sorted(p.name for p in tmp_path.glob('*.pth')) == ['epoch_2.pth', 'epoch_3.pth']
    name, checkpoint = newest(tmp_path)
    assert name == 'epoch_3.pth' and checkpoint['meta']['epoch'] == 3
    assert checkpoint['mmtransfer'] == dict(format=1, config=config_digests(cfg))
    assert not list(tmp_path.glob('.*.tmp'))


def test_a_misspelled_argument_is_refused_before_the_first_step():
    hook = dict(type='mmtransfer.CheckpointHook')
    HOOKS.build({**hook, 'interval': 2, 'published_keys': ['meta'], 'save_optimizer': False})
    with pytest.raises(TypeError, match=r'takes the arguments interval, by_epoch, .* intervl\.'):
        HOOKS.build({**hook, 'intervl': 2})


def test_inside_an_epoch(tmp_path):
    run(config(tmp_path, epochs=2, by_epoch=False))
    files = [f'iter_{i}.pth' for i in (1, 2, 3, 4)]
    assert sorted(p.name for p in tmp_path.glob('*.pth')) == files
    states = [read_checkpoint(tmp_path / f)['meta'] for f in files]
    assert [(s['epoch'], s['iter']) for s in states] == [(0, 1), (0, 2), (1, 3), (1, 4)]


def test_the_best_is_removed_only_after_a_better_one_is_there(tmp_path, monkeypatch):
    cfg = validated(config(tmp_path, save_best='acc', max_keep_ckpts=1))
    seen = []
    remove = os.remove

    def spy(path, *args, **kwargs):
        if str(path).endswith('.pth'):
            seen.append((Path(path).name, sorted(p.name for p in tmp_path.glob('best*'))))
        remove(path, *args, **kwargs)

    monkeypatch.setattr(os, 'remove', spy)
    runner = run(cfg)
    assert [p.name for p in tmp_path.glob('best*')] == ['best_acc_epoch_2.pth']
    removed = dict(seen)
    assert removed['best_acc_epoch_1.pth'] == ['best_acc_epoch_1.pth', 'best_acc_epoch_2.pth']
    best = runner.message_hub.get_info('best_ckpt')
    assert Path(best).name == 'best_acc_epoch_2.pth'


def run_and_die(folder, call, number):
    """A training that is killed when it calls this function of ``os`` for a checkpoint."""
    function, calls = getattr(os, call), itertools.count(1)

    def dying(*args, **kwargs):
        if ('.pth' in str(args[0]) or call == 'fsync') and next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    setattr(os, call, dying)
    run(config(folder, max_keep_ckpts=1))


# The second checkpoint: at its rename; at the syncs of its file, of the folder, of the pointer, of
# the folder again; and at the removal of the one before.
@pytest.mark.parametrize(
    ('call', 'count', 'left'),
    [
        ('replace', 2, 1),
        ('fsync', 5, 1),
        ('fsync', 6, 1),
        ('fsync', 7, 1),
        ('fsync', 8, 2),
        ('remove', 1, 2),
    ],
)
def test_killed_during_a_write(tmp_path, call, count, left):
    done = processes.run(run_and_die, tmp_path, call, count)
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    name, checkpoint = newest(tmp_path)
    assert name == f'epoch_{left}.pth' and checkpoint['meta']['epoch'] == left
    run(dict(config(tmp_path, max_keep_ckpts=1), resume=True))
    assert newest(tmp_path)[1]['meta']['epoch'] == 3
    assert not list(tmp_path.glob('.*.tmp'))


@pytest.mark.parametrize(
    ('change', 'part'),
    [
        (dict(model=dict(type='mmtransfer.HookToy', extra=True)), 'model'),
        (dict(optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.2))), 'optim_wrapper'),
        (dict(param_scheduler=[]), 'param_scheduler'),
        (dict(train_dataloader=loader(number=12)), 'train_dataloader'),
    ],
)
def test_another_config_does_not_resume(tmp_path, change, part):
    run(config(tmp_path, epochs=1))
    with pytest.raises(ResumeError, match=f'of another config: {part} differ'):
        run(dict(config(tmp_path), resume=True, **change))


def test_a_longer_schedule_with_more_workers_resumes(tmp_path):
    run(config(tmp_path, epochs=1))
    more = dict(config(tmp_path), train_dataloader=loader(number=8, workers=1), resume=True)
    assert run(more).epoch == 3


@pytest.mark.parametrize(
    ('variable', 'message'),
    [('HOOK_TOY_EXTRA', r"missing: \['extra.bias'"), ('HOOK_TOY_WIDTH', r'fc.weight: \(2, 3\)')],
)
def test_another_model_under_the_same_config_does_not_resume(
    tmp_path, monkeypatch, variable, message
):
    """What an architecture file that has changed since would do."""
    run(config(tmp_path, epochs=1))
    monkeypatch.setenv(variable, '5')
    with pytest.raises(ResumeError, match=message):
        run(dict(config(tmp_path), resume=True))


def test_a_copied_directory_resumes_its_own_checkpoint(tmp_path):
    """The pointer and the log name files of the origin, which are not read and not removed."""
    origin, copy = tmp_path / 'origin', tmp_path / 'copy'
    run(validated(config(origin, epochs=2, save_best='acc')))
    shutil.copytree(origin, copy)
    for path in (*origin.glob('epoch_*'), *copy.glob('epoch_1.pth')):
        path.write_bytes(b'')
    before = {p.name: p.stat().st_mtime_ns for p in origin.iterdir()}
    cfg = validated(config(copy, epochs=4, save_best='acc'), better=0.9)
    runner = run(dict(cfg, resume=True))
    assert runner.epoch == 4
    assert [p.name for p in copy.glob('best*')] == ['best_acc_epoch_3.pth']
    assert {p.name: p.stat().st_mtime_ns for p in origin.iterdir()} == before
    shutil.rmtree(origin)
    assert newest(copy)[1]['meta']['epoch'] == 4


def test_resume_without_a_checkpoint_is_a_new_run(tmp_path):
    """As mmdet's own tools/train.py --resume asks for it; RemapHook acts in new runs only."""
    runner = run(dict(config(tmp_path, epochs=1), resume=True))
    assert runner.epoch == 1 and runner._resume is False


def test_a_damaged_checkpoint_is_not_resumed(tmp_path):
    run(config(tmp_path, epochs=2))
    path = tmp_path / 'epoch_2.pth'
    whole = bytearray(path.read_bytes())
    at = whole.index(read_checkpoint(path)['state_dict']['fc.weight'].numpy().tobytes())
    whole[at] ^= 1
    path.write_bytes(whole)
    with pytest.raises(CheckpointError, match='epoch_2.pth.*is damaged.*epoch_1.pth.* is intact'):
        run(dict(config(tmp_path), resume=True))
    with pytest.raises(CheckpointError, match='epoch_2.pth.*is damaged'):
        run(dict(config(tmp_path / 'new'), load_from=str(path)))
    again = dict(config(tmp_path), resume=True, load_from=str(tmp_path / 'epoch_1.pth'))
    assert run(again).epoch == 3


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda c: c.pop('optimizer'), 'must hold .* to be resumed; it lacks optimizer'),
        (lambda c: c.pop('param_schedulers'), 'it lacks param_schedulers'),
        (lambda c: c['state_dict']['fc.bias'].fill_(torch.nan), 'fc.bias holds 2 values'),
        (lambda c: c['state_dict'].update({'fc.bias': torch.ones(2).to_sparse()}), 'not dense'),
        (lambda c: c['state_dict'].update({'fc.bias': torch.ones(2) > 0}), 'bool, not float'),
        (lambda c: poison(c['optimizer']), r'state of the optimiser must be finite.*optimizer\.'),
    ],
)
def test_what_a_resumed_checkpoint_must_hold(tmp_path, change, message):
    """Checked before anything of it is loaded."""
    cfg = config(tmp_path, epochs=1)
    cfg['optim_wrapper'] = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9))
    run(cfg)
    content = read_checkpoint(tmp_path / 'epoch_1.pth')
    content['state_dict']['fc.weight'].add_(1)
    change(content)
    torch.save(content, tmp_path / 'epoch_1.pth')
    cfg['train_cfg']['max_epochs'] = 2
    runner = Runner.from_cfg(Config(dict(cfg, resume=True)))
    own = {name: tensor.clone() for name, tensor in runner.model.state_dict().items()}
    runner._init_model_weights = lambda: None
    with pytest.raises(ResumeError, match=message):
        runner.train()
    assert_equal_states(runner.model.state_dict(), own)


def poison(state):
    """Make one tensor of an optimiser's state infinite."""
    state['state'][0]['momentum_buffer'][0] = torch.inf


def test_weights_to_begin_from_must_be_finite(tmp_path):
    run(config(tmp_path, epochs=1))
    content = read_checkpoint(tmp_path / 'epoch_1.pth')
    content['state_dict']['fc.weight'][0, 0] = torch.inf
    torch.save(content, tmp_path / 'epoch_1.pth')
    with pytest.raises(CheckpointError, match='fc.weight holds 1 values.*Nothing was loaded'):
        run(dict(config(tmp_path / 'new'), load_from=str(tmp_path / 'epoch_1.pth')))


def config_to_test(folder, blocks):
    """A config that tests folder/trained.pth, and a model of it."""
    compat.apply()
    config = search_config(folder)
    config.model.backbone = dict(
        type='mmtransfer.AdaptedBackbone', architecture='resnet18', out_indices=(3,), blocks=blocks
    )
    trained = MODELS.build({**config.model, 'backbone': {**config.model.backbone}})
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
        config[key] = None
    config.test_dataloader, config.test_cfg = config.val_dataloader, dict(type='TestLoop')
    config.test_evaluator, config.custom_hooks = config.val_evaluator, []
    config.load_from = str(folder / 'trained.pth')
    return config, trained


@pytest.mark.parametrize('blocks', [[1, 2, 1, 1], [1, 1, 2, 1]])
def test_a_test_takes_every_tensor_from_the_checkpoint(tmp_path, blocks):
    """MMEngine would test a network of other blocks with what fits, the rest at random."""
    config, trained = config_to_test(tmp_path, blocks)
    torch.save({'state_dict': trained.state_dict(), 'meta': {}}, tmp_path / 'trained.pth')
    config.model.backbone.blocks = [1, 2, 1, 1]
    runner = Runner.from_cfg(config)
    if blocks == [1, 2, 1, 1]:
        runner.test()
        assert_equal_states(runner.model.state_dict(), trained.state_dict())
        return
    with pytest.raises(ValueError, match=r'missing: .*stages\.1\.1.*other model.backbone.blocks'):
        runner.test()


def test_a_test_takes_bare_tensors_by_the_names_of_a_compiled_model(tmp_path):
    config, trained = config_to_test(tmp_path, [1, 1, 1, 1])
    state = {f'module._orig_mod.{name}': t for name, t in trained.state_dict().items()}
    torch.save(state, tmp_path / 'trained.pth')
    runner = Runner.from_cfg(config)
    runner.test()
    assert_equal_states(runner.model.state_dict(), trained.state_dict())


def test_a_test_of_values_that_are_not_finite_is_refused(tmp_path):
    config, trained = config_to_test(tmp_path, [1, 1, 1, 1])
    state = trained.state_dict()
    state['fc.weight'][0] = torch.nan
    torch.save({'state_dict': state}, tmp_path / 'trained.pth')
    with pytest.raises(ValueError, match=r'fc.weight holds \d+ values that are NaN or infinite'):
        Runner.from_cfg(config).test()


def test_a_search_is_resumed_by_a_config_that_says_seed_for_the_same_number():
    """Configs of earlier versions gave the cost of the seed as a number."""
    table = cost_table(mbconv_space('mobilenet_v2'), (64, 64))
    number = table.of(seed_architecture('mobilenet_v2'))

    def searched(target, of_term):
        term = dict(type='mmtransfer.CostTerm', factor=0.1, target=of_term)
        searcher = dict(type='mmtransfer.DifferentiableSearcher', target=target)
        return Config(dict(train_cfg=dict(arch_begin=1, searcher=searcher, regularisers=[term])))

    loop = SimpleNamespace(table=table)
    runner = SimpleNamespace(train_loop=loop, cfg=searched('seed', 'searcher'))
    found = _digests_in_units(runner)
    assert found == config_digests(searched(number, number))
    assert found != config_digests(searched(number, number + 1))
    assert _digests_in_units(SimpleNamespace(train_loop=None, cfg=runner.cfg)) == {}
