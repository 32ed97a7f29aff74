import copy
import json
import math
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.backbones import MIXTURE
from mmtransfer.backbones.selection import SelectionError
from mmtransfer.checkpoints.reading import read_checkpoint
from mmtransfer.engine.optim import NonFiniteLossError
from mmtransfer.engine.search_loop import SearchLoop
from mmtransfer.hooks.checkpoint import ResumeError
from mmtransfer.search import (
    DifferentiableSearcher,
    NothingLearnedError,
    SearchConfigError,
    TargetError,
    derive_from_checkpoint,
)
from mmtransfer.spaces import closest_to_seed
from tests.engine.tiny import SPACES, TinyClassifier, search_config


@pytest.fixture(autouse=True)
def _stack():
    compat.apply()


def run(config):
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


def tensor_file(path):
    return read_checkpoint(path)


def tensors(path):
    checkpoint = tensor_file(path)
    flat = dict(checkpoint['state_dict'])
    for kind, optimizer in checkpoint['optimizer'].items():
        for index, state in optimizer['state'].items():
            flat.update({f'{kind}/{index}/{k}': v for k, v in state.items()})
        flat[f'{kind}/lr'] = optimizer['param_groups'][0]['lr']
    return flat


def assert_equal_states(a, b):
    assert a.keys() == b.keys()
    for name in a:
        same = torch.equal(a[name], b[name]) if torch.is_tensor(a[name]) else a[name] == b[name]
        assert same, name


@pytest.mark.parametrize(
    ('stops', 'workers', 'space'),
    [
        *(((1, 3, 4), workers, 'mobilenet_v2') for workers in (0, 2)),
        *(((3,), 0, space) for space in SPACES if space != 'mobilenet_v2'),
    ],
)
def test_resume_is_bit_for_bit(tmp_path, stops, workers, space):
    """6 iterations == ``stop`` iterations, other random state, the rest (DESIGN.md, 4)."""
    run(search_config(tmp_path / 'whole', workers=workers, space=space))
    whole = Architecture.read(tmp_path / 'whole/architecture.json')
    expected = tensors(tmp_path / 'whole/iter_6.pth')
    for stop in stops:
        folder = tmp_path / f'from{stop}'
        resumed = search_config(folder, workers=workers, space=space)
        resumed.resume, resumed.load_from = True, str(tmp_path / f'whole/iter_{stop}.pth')
        torch.manual_seed(999)  # whatever the process did before must not matter
        run(resumed)
        assert_equal_states(expected, tensors(folder / 'iter_6.pth'))
        found = Architecture.read(folder / 'architecture.json')
        assert found == whole and found.cost == whole.cost
        ends = [tensor_file(f / 'iter_6.pth')['mmtransfer'] for f in (tmp_path / 'whole', folder)]
        assert ends[0] == ends[1] and ends[0]['search']['arch_steps'] == 4


class Spy:
    """Records what runs in each step of a search."""

    def __init__(self, monkeypatch):
        self.steps = []
        step, path, uniforms = SearchLoop._step, DifferentiableSearcher.path, []

        def spy_path(searcher, iteration, uniform):
            uniforms.append(uniform)
            return path(searcher, iteration, uniform)

        def spy(loop, plan, batch):
            before = copy.deepcopy(loop.model.state_dict())
            out = step(loop, plan, batch)
            moved = {k for k, v in loop.model.state_dict().items() if not torch.equal(v, before[k])}
            assert moved and all(('logits' in k) == (plan.kind == 'arch') for k in moved), moved
            noted = plan.number if plan.kind == 'arch' else uniforms[-1]
            self.steps.append((plan.kind, loop.supernet.selection, noted))
            return out

        monkeypatch.setattr(SearchLoop, '_step', spy)
        monkeypatch.setattr(DifferentiableSearcher, 'path', spy_path)


def test_steps_alternate_and_touch_only_their_own(tmp_path, monkeypatch):
    """Architecture steps move the logits alone (not even statistics), weight steps never."""
    spy = Spy(monkeypatch)
    run(search_config(tmp_path))
    kinds = [s[0] for s in spy.steps]
    assert kinds == ['weights'] * 2 + ['arch', 'weights'] * 4
    assert [s[2] for s in spy.steps if s[0] == 'arch'] == [0, 1, 2, 3]
    assert all(s[1] == MIXTURE for s in spy.steps if s[0] == 'arch')
    paths = [s for s in spy.steps if s[0] == 'weights']
    assert [s[2] for s in paths] == [True, True, False, False, False, False]
    assert len({s[1] for s in paths}) > 1


def test_alternation_one_to_two(tmp_path, monkeypatch):
    spy = Spy(monkeypatch)
    run(search_config(tmp_path, alternation=(1, 2)))
    assert [s[0] for s in spy.steps] == ['weights'] * 2 + ['arch', 'weights', 'weights'] * 2


def all_but_architecture_steps(loop, plan, batch, step=SearchLoop._step):
    return {} if plan.kind == 'arch' else step(loop, plan, batch)


@pytest.mark.parametrize('space', SPACES)
def test_an_idle_architecture_step_changes_no_weight(tmp_path, monkeypatch, space):
    """DESIGN.md, test 6: learning rate 0 and frozen BN against no architecture steps."""
    states = []
    for name in ('with', 'without'):
        config = search_config(tmp_path / name, space=space, arch_begin=0)
        config.model.backbone.norm_eval = True
        config.optim_wrapper.arch.optimizer.update(lr=0.0)
        if name == 'without':
            monkeypatch.setattr(SearchLoop, '_step', all_but_architecture_steps)
        run(config)
        states.append(read_checkpoint(tmp_path / name / 'iter_6.pth')['state_dict'])
    assert_equal_states(*states)


def test_derived_architecture_meets_the_target(tmp_path):
    config = search_config(tmp_path, epochs=2)
    config.model.backbone.update(layers=(3, 3, 3, 3, 3, 1), kernels=(3, 5, 7), expansions=(3, 6))
    target = 6.0e6
    config.train_cfg.searcher.target = target
    config.train_cfg.regularisers[0].target = target
    runner = run(config)
    found = Architecture.read(tmp_path / 'architecture.json')
    assert abs(found.cost['madds'] / target - 1) <= 0.02
    assert found == runner.train_loop.searcher.architecture()


@pytest.mark.parametrize('target', [-5.0, 0.0, 2.0, 1e-3, 1e15])
@pytest.mark.parametrize('where', ['searcher', 'cost term'])
def test_a_target_out_of_reach_stops_before_the_first_step(tmp_path, where, target):
    config = search_config(tmp_path)
    asks = config.train_cfg.searcher if where == 'searcher' else config.train_cfg.regularisers[0]
    asks.target = target
    with pytest.raises(TargetError, match='must lie between'):
        run(config)


def test_the_target_is_stated_once(tmp_path):
    """As a share of the seed's cost; the cost term takes the searcher's."""
    config = search_config(tmp_path)
    config.train_cfg.searcher.target = 0.9
    config.train_cfg.regularisers[0].target = 'searcher'
    runner = Runner.from_cfg(config)
    loop = runner.build_train_loop(config.train_cfg)
    seed = loop.table.of(closest_to_seed(loop.supernet.space))
    assert loop.searcher.target.cost == loop.terms.regularisers[0].target == 0.9 * seed
    assert runner.cfg.train_cfg.searcher.target == 0.9  # the config says what was asked for


def test_a_nan_loss_stops_and_names_the_step(tmp_path, monkeypatch):
    calls = {'n': 0}
    forward = TinyClassifier.forward

    def poisoned(self, *args, mode='tensor', **kwargs):
        out = forward(self, *args, mode=mode, **kwargs)
        if mode == 'loss':
            calls['n'] += 1
            if calls['n'] == 3:
                out = dict(loss_cls=out['loss_cls'] * math.nan)
        return out

    monkeypatch.setattr(TinyClassifier, 'forward', poisoned)
    with pytest.raises(NonFiniteLossError, match=r'arch step of iteration 3 \(epoch 2\)'):
        run(search_config(tmp_path))
    kept = read_checkpoint((tmp_path / 'last_checkpoint').read_text())
    assert kept['meta']['iter'] == 2
    assert all(torch.isfinite(v).all() for v in kept['state_dict'].values())


def test_log_carries_what_a_search_shows(tmp_path):
    runner = run(search_config(tmp_path))
    scalars = set(runner.message_hub.log_scalars)
    wanted = {'loss', 'arch_loss', 'cost_term', 'expected_cost_G', 'derived_cost_G', 'data_share'}
    assert {f'train/{w}' for w in wanted} <= scalars
    line = json.loads(next((tmp_path).rglob('scalars.json')).read_text().splitlines()[-3])
    assert line


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(arch_begin=-1), 'arch_begin'),
        (dict(alternation=(0, 1)), 'alternation'),
        (dict(split=dict(arch=0.5, sead=1)), 'sead'),
    ],
)
def test_wrong_settings_are_refused(tmp_path, change, message):
    with pytest.raises(SearchConfigError, match=message):
        run(search_config(tmp_path, **change))


def test_reentrant_checkpointing_is_refused(tmp_path):
    config = search_config(tmp_path)
    config.activation_checkpointing = ['backbone.stages']
    with pytest.raises(SearchConfigError, match='with_cp'):
        run(config)


class Watch(Hook):
    """Notes what there is after each iteration, and what each validation runs."""

    priority = 'LOWEST'

    def __init__(self):
        self.written, self.validated = [], []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.written.append((Path(runner.work_dir) / 'architecture.json').exists())

    def after_val_epoch(self, runner, metrics=None):
        self.validated.append(runner.model.backbone.selection)


def test_nothing_is_known_before_the_first_architecture_step(tmp_path):
    """No file, no derivation; validation runs what is nearest to the seed, not the noise that the
    logits begin with."""
    config = search_config(tmp_path)
    runner, watch = Runner.from_cfg(copy.deepcopy(config)), Watch()
    runner.register_hook(watch)
    runner.train()
    supernet = runner.model.backbone
    seed = closest_to_seed(supernet.space)
    assert watch.written == [False, False, True, True, True, True]
    written = Architecture.read(tmp_path / 'architecture.json')
    assert watch.validated == [seed, watch.validated[1], written] and seed != written
    with pytest.raises(NothingLearnedError, match=r'after epoch 1 of 3.*arch_begin.*--resume'):
        derive_from_checkpoint(config, tmp_path / 'iter_2.pth')
    for number, progress in {
        2: dict(epoch=1, max_epochs=3, finished=False, arch_steps=0),
        5: dict(epoch=2, max_epochs=3, finished=False, arch_steps=3),
        6: dict(epoch=3, max_epochs=3, finished=True, arch_steps=4),
    }.items():
        noted = tensor_file(tmp_path / f'iter_{number}.pth')['mmtransfer']
        assert noted['search'] == progress
        if number > 2:
            found = derive_from_checkpoint(config, tmp_path / f'iter_{number}.pth')
            assert found.provenance.items() >= progress.items()
    assert written.provenance.items() >= progress.items()


def test_a_new_search_does_not_leave_the_file_of_an_earlier_one(tmp_path):
    """An adaptation in the meantime would take it for this search's, and for finished."""
    run(search_config(tmp_path, epochs=2))
    earlier = (tmp_path / 'architecture.json').read_text()
    runner, watch = Runner.from_cfg(search_config(tmp_path)), Watch()
    runner.register_hook(watch)
    runner.train()
    assert watch.written == [False, False, True, True, True, True]
    assert (tmp_path / 'architecture.previous.json').read_text() == earlier
    assert (tmp_path / 'architecture.json').read_text() != earlier


def test_a_search_that_is_stopped_has_ended(tmp_path):
    """By a hook such as EarlyStoppingHook: the file says so, though no step came after it."""
    config = search_config(tmp_path)
    stop = dict(type='EarlyStoppingHook', monitor='ones', patience=1, min_delta=9.0, rule='less')
    config.custom_hooks.append(stop)
    runner = run(config)
    assert runner.epoch == 2
    found = Architecture.read(tmp_path / 'architecture.json')
    assert found.provenance['finished'] and found.provenance['epoch'] == 2


def after_test(config, checkpoint, folder, **changes):
    """The runner after a test of a checkpoint."""
    config = copy.deepcopy(config)
    config.test_dataloader, config.test_cfg = config.val_dataloader, dict(type='TestLoop')
    config.test_evaluator, config.work_dir = config.val_evaluator, str(folder)
    config.load_from = str(checkpoint)
    config.update(changes)
    runner = Runner.from_cfg(config)
    said = []
    runner.logger.warning = said.append
    runner.test()
    return runner, said


def test_a_test_runs_what_the_checkpoint_says(tmp_path):
    """Whatever hooks there are beside ours, and whatever the logits of this process."""
    config = search_config(tmp_path / 'search')
    config.train_cfg.searcher.target = 1.6e6
    run(copy.deepcopy(config))
    written = Architecture.read(tmp_path / 'search/architecture.json')
    last = tmp_path / 'search/iter_6.pth'
    runner, said = after_test(config, last, tmp_path / 'alone', custom_hooks=[])
    assert runner.model.backbone.selection == written and not said
    # A version before this one noted no selection; what the config asks for is derived.
    old = tensor_file(last)
    del old['mmtransfer']['evaluated'], old['mmtransfer']['search']
    torch.save(old, tmp_path / 'old.pth')
    runner, said = after_test(config, tmp_path / 'old.pth', tmp_path / 'old', custom_hooks=[])
    assert runner.model.backbone.selection == written and not said
    # In the warm-up validation runs what is nearest to the seed, and so does a test.
    runner, said = after_test(config, tmp_path / 'search/iter_2.pth', tmp_path / 'early')
    supernet = runner.model.backbone
    assert supernet.selection == closest_to_seed(supernet.space) != written
    assert 'has not finished: epoch 1 of 3' in said[0] and len(said) == 1


def test_a_test_of_what_nobody_chose_is_refused(tmp_path):
    """A stock checkpoint hook does not select; the seed would be measured."""
    config = search_config(tmp_path / 'search')
    run(copy.deepcopy(config))
    stock = dict(checkpoint=dict(type='CheckpointHook'))
    with pytest.raises(SelectionError, match=r'nobody has.*mmtransfer\.CheckpointHook'):
        after_test(config, tmp_path / 'search/iter_6.pth', tmp_path / 'test', default_hooks=stock)


@pytest.mark.parametrize('loop', ['SearchLoop', 'SeededTrainLoop'])
def test_a_resumed_run_has_the_seed_that_began_it(tmp_path, loop):
    """Drawn by each process for itself where the config sets none; another one is refused."""

    def config(folder, seed=None):
        found = search_config(folder)
        if loop == 'SeededTrainLoop':
            found.train_cfg = dict(type='mmtransfer.SeededTrainLoop', max_epochs=3, val_interval=9)
            found.optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.02))
            found.param_scheduler, found.custom_hooks = None, [SAMPLE_PATH]
        found.randomness = dict(seed=seed)
        return found

    runner = run(config(tmp_path / 'whole'))
    drawn = runner.train_loop.seed
    last = 'iter_12.pth' if loop == 'SeededTrainLoop' else 'iter_6.pth'
    for seed in (None, drawn):
        resumed = config(tmp_path / f'part{seed}', seed)
        resumed.resume, resumed.load_from = True, str(tmp_path / 'whole/iter_3.pth')
        assert run(resumed).train_loop.seed == drawn
        part = tmp_path / f'part{seed}' / last
        assert_equal_states(flat(tmp_path / 'whole' / last), flat(part))
    resumed.randomness = dict(seed=drawn + 1)
    with pytest.raises(ResumeError, match=rf'began it, {drawn}; randomness.seed is {drawn + 1}'):
        run(resumed)


SAMPLE_PATH = dict(type='mmtransfer.SamplePathHook', evaluate='seed')


def flat(path):
    checkpoint = tensor_file(path)
    return tensors(path) if 'weights' in checkpoint['optimizer'] else checkpoint['state_dict']


def test_a_checkpoint_derives_and_tests_what_the_search_wrote(tmp_path):
    config = search_config(tmp_path / 'search')
    config.train_cfg.searcher.target = 1.6e6
    run(copy.deepcopy(config))
    written = Architecture.read(tmp_path / 'search/architecture.json')
    again = derive_from_checkpoint(config, tmp_path / 'search')
    assert again == written and again.cost == written.cost
    config.test_dataloader, config.test_cfg = config.val_dataloader, dict(type='TestLoop')
    config.test_evaluator, config.work_dir = config.val_evaluator, str(tmp_path / 'test')
    config.load_from = str(tmp_path / 'search/iter_6.pth')
    runner = Runner.from_cfg(config)
    runner.test()
    assert runner.model.backbone.selection == written
