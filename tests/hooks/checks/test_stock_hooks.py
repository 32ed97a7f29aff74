"""The hooks of MMEngine and the toolboxes in our loops: docs/hooks.md, line by line."""

import importlib
import json
import re
import sys
import types
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel, BaseTTAModel
from mmengine.registry import HOOKS as ROOT
from mmengine.runner import Runner
from torch import nn

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.data.split import SeededSamples
from mmtransfer.engine.candidate_phase import FILE
from mmtransfer.engine.search_loop import SearchLoop
from mmtransfer.models import unwrap
from mmtransfer.registry import DATASETS, HOOKS, MODELS, TRANSFORMS
from mmtransfer.scoring.held_out import HeldOut
from tests.engine.test_candidate_search import candidate_config
from tests.engine.test_search_loop import assert_equal_states
from tests.engine.tiny import TinyClassifier, TinyImages, search_config, train_config

TESTS = Path(__file__).parents[2]
DOCS = TESTS.parent / 'docs/hooks.md'
TOOLBOXES = ('mmdet', 'mmseg', 'mmpose')


@pytest.fixture(autouse=True)
def _stack():
    compat.apply()


def registered():
    """Scope and name of every hook that MMEngine and the toolboxes register."""
    importlib.import_module('mmcv.cnn')  # which registers one
    found = {f'mmengine.{name}' for name in ROOT.module_dict}
    for scope in TOOLBOXES:
        registry = importlib.import_module(f'{scope}.registry').HOOKS
        registry.import_from_location()
        kinds = registry.module_dict.items()
        found |= {f'{scope}.{n}' for n, k in kinds if k.__module__.startswith(f'{scope}.engine')}
    return found


def test_the_table_lists_every_registered_hook():
    row = r'^\| `(mm\w+\.\w+)`[^|]* \|(.*)\|(.*)\| `([\w/]+\.py)`'
    rows = re.findall(row, DOCS.read_text(), re.M)
    assert sorted(name for name, *_ in rows) == sorted(registered())
    for name, search, training, test in rows:
        assert re.match(r' (works|refused|refuses|rests|acts)', search), name
        assert re.match(r' (works|refused|rests|acts|the same)', training), name
        assert (TESTS / test).exists(), name


def test_what_only_looks_at_predictions_is_left_to_the_loops_of_mmengine():
    """These act in validation and tests, which our loops do not touch."""
    looking = [n for n in registered() if 'Visualization' in n or 'BadCase' in n or 'TTA' in n]
    assert len(looking) == 8
    for name in looking:
        scope, _, kind = name.partition('.')
        hook = importlib.import_module(f'{scope}.registry').HOOKS.get(kind)
        events = (*Hook.stages, '_before_iter', '_after_iter')  # mmseg's looks at its mode
        acts = {e for e in events if getattr(hook, e) is not getattr(Hook, e)}
        naive = {'before_train'} if 'Naive' in name else set()  # draws the graph of the model
        tests = {'before_test', 'after_val_iter', 'after_test_iter', 'after_test_epoch'}
        assert acts and acts <= tests | naive | {'_after_iter'}, name


def test_a_model_is_found_inside_of_test_time_augmentation():
    class Merged(BaseTTAModel):
        def merge_preds(self, data_samples_list):
            return data_samples_list

    model = BaseModel.__new__(TinyClassifier)
    nn.Module.__init__(model)
    wrapped = Merged.__new__(Merged)
    nn.Module.__init__(wrapped)
    wrapped.module = model
    assert unwrap(wrapped) is model


# ---- a search and a training with everything at once ----


@TRANSFORMS.register_module()
class Constant:
    def __init__(self, value):
        self.value = value

    def __call__(self, sample):
        return dict(sample, inputs=torch.full_like(sample['inputs'], self.value))


@DATASETS.register_module()
class PipedImages(TinyImages):
    """Images that pass through a pipeline, some transforms of which can be skipped."""

    METAINFO = dict(classes=('dark', 'bright'))
    _skip_type_keys = None

    def prepare_data(self, idx):
        sample = super().prepare_data(idx)
        return sample if self._skip_type_keys else self.pipeline(sample)

    def update_skip_type_keys(self, keys):
        self._skip_type_keys = keys


@MODELS.register_module()
class SwitchedClassifier(TinyClassifier):
    """A classifier with what hooks reach for."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.bbox_head, self.head = nn.Module(), nn.Module()
        self.bbox_head.num_classes = 2
        self.head.factor, self.head.use_aux_loss, self.epochs = 1.0, False, []

    def set_epoch(self, epoch):
        self.epochs.append(epoch)

    def forward(self, inputs, label=None, mode='tensor'):
        out = super().forward(inputs, label, mode)
        if mode == 'loss' and self.head.use_aux_loss:
            out['loss_aux'] = self.fc.weight.square().sum() * self.head.factor
        return out


@HOOKS.register_module()
class SpyHook(Hook):
    """The mean of each batch."""

    def before_run(self, runner):
        self.means = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.means.append(float(data_batch['inputs'].mean()))


def with_hooks(config, *hooks, workers=0):
    config.model.type = 'mmtransfer.SwitchedClassifier'
    config.train_dataloader.dataset.type = 'mmtransfer.PipedImages'
    config.custom_hooks = [*hooks, dict(type='mmtransfer.SpyHook')]
    return config


def run(config):
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


def resumed(config, file):
    config.resume, config.load_from = True, str(file)
    torch.manual_seed(99)
    return run(config)


def hook_of(runner, name):
    return next(h for h in runner.hooks if type(h).__name__ == name)


def full_state(path):
    found = torch.load(path, weights_only=True)
    optimizers = found['optimizer']
    momentum = {
        f'{part}.{i}': state['momentum_buffer']
        for part, one in (optimizers if 'weights' in optimizers else {'': optimizers}).items()
        for i, state in one['state'].items()
        if 'momentum_buffer' in state
    }
    averaged = {f'ema.{k}': v for k, v in found['ema_state_dict'].items()}
    assert momentum and averaged
    return {**found['state_dict'], **momentum, **averaged}


@pytest.fixture
def profiled(monkeypatch):
    """Stand-ins for what mmdet's MemoryProfilerHook asks for; counts how often it does."""
    asked = []
    memory = types.SimpleNamespace(available=0, used=0, total=0, free=0, percent=0)
    psutil = types.ModuleType('psutil')
    psutil.swap_memory = psutil.virtual_memory = lambda: memory
    profiler = types.ModuleType('memory_profiler')
    profiler.memory_usage = lambda: [asked.append(1) or 0.0]
    monkeypatch.setitem(sys.modules, 'psutil', psutil)
    monkeypatch.setitem(sys.modules, 'memory_profiler', profiler)
    return asked


COMMON = (
    dict(type='EMAHook', momentum=0.3),
    dict(type='EmptyCacheHook', after_iter=True),
    dict(type='NaiveVisualizationHook'),
    dict(type='mmdet.CheckInvalidLossHook', interval=1),
    dict(type='mmdet.NumClassCheckHook'),
    dict(type='mmdet.SetEpochInfoHook'),
    dict(type='mmpose.RTMOModeSwitchHook', epoch_attributes={1: dict(factor=0.5)}),
)


@pytest.mark.parametrize('workers', [0, 1])
def test_a_search_with_hooks_and_its_continuation(tmp_path, monkeypatch, profiled, workers):
    """What switches in epoch 2 reaches both parts, and a run that is resumed in epoch 3."""
    arch_means = []
    step = SearchLoop._step

    def noted_step(loop, plan, batch):
        if plan.kind == 'arch':
            arch_means.append((loop._epoch, float(batch['inputs'].mean())))
        return step(loop, plan, batch)

    monkeypatch.setattr(SearchLoop, '_step', noted_step)
    trace = tmp_path / 'trace.json'
    hooks = [
        *COMMON,
        dict(
            type='mmdet.PipelineSwitchHook',
            switch_epoch=2,
            switch_pipeline=[dict(type='mmtransfer.Constant', value=3.0)],
        ),
        dict(type='mmdet.MemoryProfilerHook', interval=1),
        dict(type='ProfilerHook', by_epoch=False, json_trace_path=str(trace)),
    ]

    def config(name):
        made = search_config(tmp_path / name, workers=workers, epochs=4)
        return with_hooks(made, *hooks)

    whole = run(config('whole'))
    means = hook_of(whole, 'SpyHook').means
    assert [m == 3.0 for m in means] == [False] * 4 + [True] * 4
    assert [m == 3.0 for _, m in arch_means] == [epoch >= 2 for epoch, _ in arch_means]
    assert len(arch_means) == 6 and len(profiled) == 8 + 4  # steps, and batches of validation
    assert trace.exists()
    assert whole.model.epochs == [0, 1, 2, 3] and whole.model.head.factor == 0.5
    weights, averaged = (
        dict(m.named_parameters())['fc.weight']
        for m in (whole.model, hook_of(whole, 'EMAHook').ema_model.module)
    )
    assert not torch.equal(weights, averaged)

    trace.unlink()
    resumed(config('resumed'), tmp_path / 'whole/iter_7.pth')
    assert_equal_states(*(full_state(tmp_path / n / 'iter_8.pth') for n in ('whole', 'resumed')))

    whole.model.bbox_head.num_classes = 3
    with pytest.raises(AssertionError, match='num_classes'):
        hook_of(whole, 'NumClassCheckHook').before_train_epoch(whole)


def test_candidates_are_scored_as_at_the_end_of_training_also_when_resumed(tmp_path, monkeypatch):
    """A run that is stopped among its candidates has no epoch left in which hooks would act."""
    hooks = [
        dict(type='mmdet.SetEpochInfoHook'),
        dict(
            type='mmdet.PipelineSwitchHook',
            switch_epoch=1,
            switch_pipeline=[dict(type='mmtransfer.Constant', value=3.0)],
        ),
    ]

    def config(folder):
        made = with_hooks(candidate_config(tmp_path / folder), *hooks)
        made.default_hooks.checkpoint.by_epoch = True
        return made

    def stopped(*args):
        raise InterruptedError

    def scores(folder):
        return json.loads((tmp_path / folder / FILE).read_text())

    run(config('whole'))
    with monkeypatch.context() as patch, pytest.raises(InterruptedError):
        patch.setattr(HeldOut, '__call__', stopped)
        run(config('part'))
    again = resumed(config('part'), tmp_path / 'part/epoch_2.pth')
    assert scores('part') == scores('whole')
    assert again.model.epochs == [1]


def test_images_are_no_longer_mixed_in_either_part(tmp_path):
    hook = dict(type='mmdet.YOLOXModeSwitchHook', num_last_epochs=1, skip_type_keys=('Mosaic',))
    runner = run(with_hooks(search_config(tmp_path, epochs=2), hook))
    loop = runner.train_loop
    for loader in (loop.dataloader, loop.arch_dataloader):
        assert loader.dataset.dataset._skip_type_keys == ('Mosaic',)
    assert runner.model.bbox_head.use_l1


def test_a_training_with_hooks_and_its_continuation(tmp_path):
    """mmpose's switch builds another loader, in one epoch only; a run that is resumed in a later
    one goes on with it."""
    switch = dict(
        type='mmpose.YOLOXPoseModeSwitchHook',
        num_last_epochs=2,
        new_train_pipeline=[dict(type='mmtransfer.Constant', value=3.0)],
    )

    def config(name):
        return with_hooks(train_config(tmp_path / name), *COMMON, switch)

    whole = run(config('whole'))
    means = hook_of(whole, 'SpyHook').means
    assert [m == 3.0 for m in means] == [False] * 2 + [True] * 6  # epochs 1 to 3 of 4
    assert whole.model.head.use_aux_loss and whole.model.head.factor == 0.5
    again = resumed(config('resumed'), tmp_path / 'whole/iter_5.pth')
    assert hook_of(again, 'SpyHook').means == means[5:]
    assert_equal_states(*(full_state(tmp_path / n / 'iter_8.pth') for n in ('whole', 'resumed')))


def test_data_of_another_length_is_no_exchange(tmp_path):
    switch = dict(type='mmpose.YOLOXPoseModeSwitchHook', num_last_epochs=1)
    config = with_hooks(train_config(tmp_path, epochs=2), switch)
    data = dict(type='mmtransfer.PipedImages', number=16, pipeline=[])
    config.custom_hooks[0].new_train_dataset = data
    with pytest.raises(ValueError, match='as many batches, 2 per epoch; received 4'):
        run(config)


# ---- one at a time ----


def test_early_stopping_ends_a_search_and_its_candidates_are_scored(tmp_path):
    stop = dict(type='EarlyStoppingHook', monitor='ones', rule='greater', patience=1, min_delta=1e9)
    learned = run(with_hooks(search_config(tmp_path / 'steps', epochs=6), stop))
    assert learned.iter == 2 * 2  # the second validation is no better than the first

    config = with_hooks(search_config(tmp_path / 'scored', epochs=6), stop)
    config.train_cfg.update(arch_begin=None, regularisers=[], evaluation=dict(bn_iterations=1))
    config.train_cfg['searcher'] = dict(type='mmtransfer.RandomSearcher', candidates=2)
    scored = run(config)
    assert scored.iter == 2 * 2 and len(scored.train_loop.scores.values) == 2
    found = Architecture.read(tmp_path / 'scored/architecture.json')
    assert found == scored.train_loop.searcher.architecture()


@MODELS.register_module()
class TwoModels(BaseModel):
    def __init__(self):
        super().__init__()
        self.student, self.teacher = nn.Linear(1, 2), nn.Linear(1, 2)
        self.teacher.requires_grad_(False)

    def forward(self, inputs, label=None, mode='tensor'):
        logits = self.student(inputs.mean((1, 2, 3))[:, None])
        return dict(loss=nn.functional.cross_entropy(logits, label))


def test_a_teacher_follows_its_student(tmp_path):
    """By hand: teacher = 0.75 teacher + 0.25 student, from the student's first weights on."""
    students = []

    class Keep(Hook):
        def before_train(self, runner):
            students.append(runner.model.student.weight.detach().clone())

        def after_train_iter(self, runner, *args, **kwargs):
            self.before_train(runner)

    config = train_config(tmp_path, epochs=1)
    config.model = dict(type='mmtransfer.TwoModels')
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    config.custom_hooks = [dict(type='mmdet.MeanTeacherHook', momentum=0.25)]
    runner = Runner.from_cfg(config)
    runner.register_hook(Keep())
    runner.train()
    expected = students[0]
    for student in students[1:]:
        expected = 0.75 * expected + 0.25 * student
    torch.testing.assert_close(runner.model.teacher.weight, expected)
    assert len(students) == 3 and not torch.equal(expected, students[0])


def test_hooks_refuse_themselves_without_what_they_need(monkeypatch):
    from mmengine.hooks import NPUProfilerHook

    with pytest.raises(ImportError, match='torch_npu'):
        NPUProfilerHook()
    monkeypatch.setitem(sys.modules, 'psutil', None)
    registered()
    with pytest.raises(ImportError, match='psutil'):
        ROOT.build(dict(type='mmdet.MemoryProfilerHook'))


REPEATED = dict(
    type='RepeatDataset', times=1, dataset=dict(type='mmtransfer.TinyImages', number=16)
)
REFUSED = [
    *(
        (kind, dict(type='RFSearchHook', config=dict(search=dict(num_branches=2))), None,
         'RFSearchHook.*exchanges convolutions')
        for kind in ('search', 'train')
    ),
    ('search', dict(type='mmdet.MeanTeacherHook'), None, 'MeanTeacherHook.*student and teacher'),
    ('search', dict(type='mmpose.YOLOXPoseModeSwitchHook'), None, 'mmpose.RTMOModeSwitchHook'),
    *(
        (kind, dict(type='mmdet.PipelineSwitchHook', switch_epoch=1, switch_pipeline=[]), REPEATED,
         "PipelineSwitchHook.*'pipeline' of the training data, which RepeatDataset lacks")
        for kind in ('search', 'train')
    ),
    ('train', dict(type='mmdet.YOLOXModeSwitchHook'), None, "'update_skip_type_keys'.*TinyImages"),
    ('train', dict(type='mmdet.SetEpochInfoHook'), None, "'set_epoch'.*TinyClassifier lacks"),
    ('train', dict(type='mmdet.MeanTeacherHook'), None, "'student' and 'teacher' of the model"),
]  # fmt: skip


@pytest.mark.parametrize(('kind', 'hook', 'data', 'message'), REFUSED)
def test_hooks_that_cannot_work_are_refused_before_the_first_step(
    tmp_path, kind, hook, data, message
):
    config = (search_config if kind == 'search' else train_config)(tmp_path)
    config.custom_hooks = [hook]
    if data is not None:
        config.train_dataloader.dataset = data
    with pytest.raises(ValueError, match=message):
        run(config)
    assert not list(tmp_path.glob('*.pth'))


def test_the_stock_checkpoint_hook_is_refused_in_a_search(tmp_path):
    config = search_config(tmp_path)
    config.default_hooks.checkpoint = dict(type='CheckpointHook', interval=1)
    with pytest.raises(ValueError, match='CheckpointHook'):
        run(config)


def test_samples_take_what_their_data_set_has_and_nothing_else():
    data = PipedImages(number=4)
    samples = SeededSamples(data, seed=0)
    samples.pipeline = list.copy
    assert data.pipeline is list.copy and samples.pipeline is list.copy
    with pytest.raises(AttributeError, match="PipedImages has no 'pipelines'"):
        samples.pipelines = []
    samples.seed = 5
    assert samples.seed == 5 and not hasattr(data, 'seed')
