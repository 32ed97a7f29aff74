"""Schedules that do not fit a run: one warning each, with numbers and keys; none where they fit."""

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.hooks.checks.schedule import Length, misfits
from tests.engine.tiny import loader, search_config
from tests.hooks.test_checkpoint import config as toy_config

RUN = Length(epochs=10, iterations=100)
WARM_UP = dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0)


def built(*configs, epoch_length=10):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    wrapper = OptimWrapper(optimizer)
    defaults = dict(optimizer=wrapper, epoch_length=epoch_length)
    return [PARAM_SCHEDULERS.build(dict(c), default_args=defaults) for c in configs]


@pytest.mark.parametrize(
    ('schedule', 'words'),
    [
        (dict(WARM_UP, end=500), ['500 iterations', '10 epochs', '100 iterations', '.0.end']),
        (dict(WARM_UP, end=2, by_epoch=True), ['takes 2 epochs', 'tenth', '.0.end']),
        (
            dict(WARM_UP, end=2, by_epoch=True, convert_to_iter_based=True),
            ['takes 20 iterations', 'param_scheduler.weights.0.end'],
        ),
        (dict(type='ConstantLR', factor=0.3, by_epoch=False, end=50), ['50 iterations', 'tenth']),
        (dict(type='MultiStepLR', milestones=[8, 11]), ['milestones=[11]', 'epochs', '10 epochs']),
        (dict(type='MultiStepLR', milestones=[10]), ['milestones=[10]', '.0.milestones']),
        (dict(type='StepLR', step_size=30), ['step_size=30', '.0.step_size']),
        (dict(type='CosineAnnealingLR', end=80, eta_min=0.1), ['after 80 epochs', '.0.end']),
        (dict(type='PolyLR', by_epoch=False, end=900), ['after 900 iterations', '100 iter']),
        (dict(type='CosineAnnealingLR', begin=12, end=20), ['never begins', '.0.begin=12']),
    ],
)
def test_a_schedule_that_does_not_fit(schedule, words):
    (sentence,) = misfits(RUN, {'param_scheduler.weights': built(schedule)})
    for word in words:
        assert word in sentence, sentence


def test_schedules_that_fit_say_nothing():
    fitting = built(
        dict(WARM_UP, end=10),
        dict(type='MultiStepLR', milestones=[6, 9]),
        dict(type='CosineAnnealingLR', begin=1, end=10, convert_to_iter_based=True),
        dict(type='PolyLR', by_epoch=False, end=100),
        dict(type='StepLR', step_size=3),
    )
    assert misfits(RUN, {'param_scheduler': fitting}, (1, 10), (5, 50)) == []


def test_validation_and_architecture_steps():
    never, beyond, few = misfits(RUN, {}, (11, 12), (8, 49))
    assert 'only the end is validated: train_cfg.val_interval=12 epochs' in beyond
    assert 'no validation: train_cfg.val_begin=11 epochs' in never
    assert '49 architecture steps' in few and 'arch_begin=8' in few and '50' in few


def said_by(cfg):
    """Warnings in the log of a training, and how many iterations it had made before the first."""
    compat.apply()
    runner = Runner.from_cfg(cfg)
    said = []
    runner.logger.warning = lambda text: said.append((runner.iter, text))
    runner.train()
    return said


def test_a_search_warns_before_its_first_step(tmp_path):
    config = search_config(tmp_path, val_interval=7)
    config.param_scheduler.weights = [
        dict(WARM_UP, end=500), dict(type='MultiStepLR', milestones=[8, 11])
    ]  # fmt: skip
    texts = [text for iteration, text in said_by(config) if iteration == 0]
    assert len(texts) == 4
    for text, words in zip(
        texts,
        (
            ('500 iterations', 'param_scheduler.weights.0.end', '6 iterations'),
            ('milestones=[8, 11]', 'param_scheduler.weights.1.milestones', '3 epochs'),
            ('only the end', 'train_cfg.val_interval=7'),
            ('4 architecture steps', 'train_cfg.arch_begin=1'),
        ),
        strict=True,
    ):
        assert all(word in text for word in words), text


@pytest.mark.parametrize('kind', ['EpochBasedTrainLoop', 'IterBasedTrainLoop', 'SeededTrainLoop'])
def test_a_fine_tune_warns_once(tmp_path, kind):
    """By the hook of our bases in MMEngine's loops; in our own by themselves."""
    config = toy_config(tmp_path)
    iterations = 'Iter' in kind
    length = dict(max_iters=6) if iterations else dict(max_epochs=3)
    ours = 'mmtransfer.' if kind == 'SeededTrainLoop' else ''
    config.update(
        train_cfg=dict(type=ours + kind, val_interval=50, **length),
        param_scheduler=[dict(WARM_UP, end=500)],
        custom_hooks=[dict(type='mmtransfer.CheckScheduleHook')],
        val_dataloader=loader(number=4, shuffle=False),
        val_evaluator=dict(type='mmtransfer.TinyAccuracy'),
        val_cfg=dict(type='ValLoop'),
    )
    if iterations:
        config['train_dataloader']['sampler'] = dict(type='InfiniteSampler')
        config['default_hooks']['checkpoint'].update(by_epoch=False)
    texts = [text for _, text in said_by(Config(config))]
    assert len(texts) == 2
    assert 'param_scheduler.0.end' in texts[0] and 'a run of' in texts[0]
    unit = '50 iterations' if iterations else '50 epochs'
    assert f'train_cfg.val_interval={unit}' in texts[1]


def test_every_base_of_a_fine_tune_has_the_hook():
    """Those of the three toolboxes, by the line that takes the default hooks over."""
    for name in ('adapt_mmdet', 'adapt_settings', 'adapt_mmseg', 'adapt_mmpose'):
        cfg = Config.fromfile(f'configs/_base_/{name}.py')
        assert cfg.adapt.default_hooks.schedule.type == 'mmtransfer.CheckScheduleHook'
