"""What a search config must have taken over, and which line is missing."""

import pytest
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner
from torch import nn

from mmtransfer import compat
from mmtransfer.hooks.checks.search import (
    SearchConfigError,
    check_checkpoint_hook,
    check_param_scheduler,
    check_wrapper,
)
from tests.engine.test_greedy_search import greedy_config
from tests.engine.test_search_loop import run
from tests.engine.tiny import search_config

SCHEDULE = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=2)]


@pytest.mark.parametrize(
    ('key', 'stays', 'message'),
    [
        (
            'optim_wrapper',
            dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.02)),
            r"received \['optimizer', 'type'\].*ordinary",
        ),
        ('param_scheduler', SCHEDULE, r"\['LinearLR'\] for all.*logits"),
        ('param_scheduler', SCHEDULE[0], r"\['LinearLR'\] for all.*logits"),
        ('param_scheduler', dict(weights=SCHEDULE), r"\['arch', 'weights'\].*\['weights'\]"),
        ('default_hooks', dict(checkpoint=dict(type='CheckpointHook')), 'architecture.json'),
        ('default_hooks', dict(checkpoint=None), 'architecture.json'),
    ],
)
def test_a_line_that_was_forgotten_is_named(tmp_path, key, stays, message):
    """The toolbox's own setting stays in its place; no KeyError, no search that goes on."""
    compat.apply()
    config = search_config(tmp_path)
    config[key] = stays
    with pytest.raises(SearchConfigError, match=message) as raised:
        run(config)
    assert f'Add `{key} = _base_.search.{key}`' in str(raised.value)


def test_a_greedy_search_takes_over_from_its_own_base(tmp_path):
    compat.apply()
    config = greedy_config(tmp_path)
    config.default_hooks = None
    with pytest.raises(SearchConfigError, match=r'`default_hooks = _base_\.greedy\.default_hooks`'):
        run(config)


@pytest.mark.parametrize('loop', ['EpochBasedTrainLoop', 'mmtransfer.SeededTrainLoop'])
@pytest.mark.parametrize('hook', ['CheckRunHook', 'SearchLogHook'])
def test_a_loop_that_does_not_search_is_refused(tmp_path, loop, hook):
    """MMEngine would end with "``optim_context`` should be called by each optimizer separately"."""
    compat.apply()
    config = search_config(tmp_path)
    config.custom_hooks = [dict(type=f'mmtransfer.{hook}')]
    config.train_cfg = dict(type=loop, max_epochs=1)
    with pytest.raises(
        SearchConfigError, match=r'TrainLoop.*`train_cfg = _base_\.search\.train_cfg'
    ):
        run(config)


def test_a_loop_that_does_not_search_is_refused_with_an_ordinary_optimiser_too(tmp_path):
    """The supernet would learn the seed alone, and the hook fail after the first epoch."""
    compat.apply()
    config = search_config(tmp_path)
    config.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
    config.optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1))
    config.param_scheduler = []
    with pytest.raises(SearchConfigError, match='EpochBasedTrainLoop, while SearchLogHook'):
        run(config)


def test_a_greedy_search_without_its_loop(tmp_path):
    compat.apply()
    config = greedy_config(tmp_path)
    config.custom_hooks = [dict(type='mmtransfer.CheckRunHook')]
    config.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
    with pytest.raises(SearchConfigError, match=r'`train_cfg = _base_\.greedy\.train_cfg'):
        run(config)


def test_schedules_without_logits_may_be_for_all():
    check_param_scheduler(SCHEDULE, {'weights'})
    check_param_scheduler(None, {'weights', 'arch'})
    check_param_scheduler(dict(weights=SCHEDULE, arch=[]), {'weights'})
    with pytest.raises(SearchConfigError, match=r"parts of optim_wrapper, \['weights'\]"):
        check_param_scheduler(dict(weights=[], arch=SCHEDULE), {'weights'})


def test_no_hooks_at_all():
    with pytest.raises(SearchConfigError, match='default_hooks.checkpoint'):
        check_checkpoint_hook([])


@pytest.mark.parametrize('unused', [False, True])
def test_gradients_of_every_parameter_are_not_to_be_expected(tmp_path, unused):
    """PyTorch would say in the second step that it "expected to have finished reduction"."""
    compat.apply()
    wrapper = MMDistributedDataParallel.__new__(MMDistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.module, wrapper.find_unused_parameters = nn.Module(), unused
    if unused:
        check_wrapper(wrapper)
        return
    runner = Runner.from_cfg(search_config(tmp_path))
    runner.model = wrapper
    with pytest.raises(SearchConfigError, match=r'MMDist.*mmtransfer\.AverageGradients'):
        runner.build_train_loop(runner._train_loop)
