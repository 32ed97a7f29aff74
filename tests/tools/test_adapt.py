"""Stages of an adaptation: run once, continued after a failure, run again for a changed config."""

import shlex
from pathlib import Path

import pytest
from mmengine.config import Config

from mmtransfer.files import write_atomically
from mmtransfer.hooks.remap import RemapHook, remap_hooks
from mmtransfer.report import Result
from mmtransfer.spaces import seed_architecture
from mmtransfer.tools import adapt, demo
from mmtransfer.tools._config import ConfigError, check_search, read_config
from mmtransfer.tools._stages import Job, RecordError, Stage, StageError
from tests.processes import run_program
from tests.shrink import shrink

ROOT = Path(__file__).parents[2]
FNA = ROOT / 'configs/fna'


# Notes its arguments; leaves a checkpoint behind; fails while a file named "fail" exists.
SCRIPT = """
import pathlib, sys
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
here = pathlib.Path(__file__).parent
with (here / 'calls').open('a') as file:
    print(name, *sys.argv[3:], file=file)
folder.mkdir(exist_ok=True)
(folder / 'last_checkpoint').write_text('x')
print('Epoch(train) [1][1/2] what', name, 'says')
sys.exit((here / 'fail').exists() and name == 'second')
"""


@pytest.fixture
def stages(tmp_path):
    script = tmp_path / 'script.py'
    script.write_text(SCRIPT)

    def make(first='a', second='b'):
        def stage(name, inputs, after=()):
            folder = tmp_path / name
            cfg = dict(max_epochs=1)
            return Stage(name, name, [str(script), name, str(folder)], inputs, after, folder, cfg)

        return [stage('first', first), stage('second', second, ('first',))]

    return make


def calls(tmp_path):
    file = tmp_path / 'calls'
    lines = file.read_text().splitlines()
    file.unlink()
    return lines


def test_a_finished_job_does_nothing(stages, tmp_path):
    record = tmp_path / 'adapt.json'
    Job(record, stages()).run()
    assert calls(tmp_path) == ['first', 'second']
    job = Job(record, stages())
    job.run()
    assert not (tmp_path / 'calls').exists()
    assert job.seconds('first') > 0


def test_a_failed_stage_is_continued(stages, tmp_path):
    record = tmp_path / 'adapt.json'
    (tmp_path / 'fail').touch()
    with pytest.raises(StageError, match='what second says'):
        Job(record, stages()).run()
    (tmp_path / 'fail').unlink()
    Job(record, stages()).run()
    assert calls(tmp_path) == ['first', 'second', 'second --resume']


@pytest.mark.parametrize(
    ('text', 'wrong'),
    [
        ('{"first": {', 'cannot be read: Expecting'),
        (b'\xff\xfe\x00', 'cannot be read: '),
        ('[]', 'it holds a list'),
        ('{"first": 3}', "'first' must have digest, seconds"),
        ('{"first": {"digest": "x"}}', "'first' must have digest, seconds"),
        ('{"first": {"digest": "x", "seconds": "long"}}', "first.seconds is 'long'"),
        ('{"data": {}}', "'data' must have images"),
    ],
)
def test_an_edited_record_is_named(stages, tmp_path, text, wrong):
    record = tmp_path / 'adapt.json'
    record.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RecordError) as error:
        Job(record, stages())
    assert f"'{record}' must be the record of finished stages" in str(error.value)
    assert wrong in str(error.value) and 'move it away: then every stage runs' in str(error.value)


def test_a_changed_config_runs_its_stage_and_the_later_ones_again(stages, tmp_path):
    record = tmp_path / 'adapt.json'
    Job(record, stages()).run()
    Job(record, stages(second='other')).run()
    Job(record, stages(first='other', second='other')).run()
    assert calls(tmp_path) == ['first', 'second', 'second', 'first', 'second']
    kept = sorted(p.name for p in tmp_path.glob('*.old*'))
    assert kept == ['first.old1', 'second.old1', 'second.old2']


def test_the_stages_hand_over_by_file(tmp_path):
    search, plain, seed = (
        Config.fromfile(str(FNA / f'retinanet_mbv2_{s}.py')) for s in ('search', 'adapt', 'seed')
    )
    whole = adapt.Adaptation(tmp_path / 'run', search, plain, seed)
    stages = {s.name: s for s in whole.stages()}
    assert list(stages) == ['seed', 'seed_test', 'search', 'derive', 'adapt', 'adapt_test']
    written = Config.fromfile(str(tmp_path / 'run/configs/adapt.py'))
    assert written.model.backbone.architecture == str(tmp_path / 'run/architecture.json')
    assert written.default_hooks.remap.checkpoint == str(tmp_path / 'run/search')
    assert stages['derive'].command[-1] == written.model.backbone.architecture
    assert written.optim_wrapper == plain.optim_wrapper

    with_rival = Job(tmp_path / 'a.json', list(stages.values()))
    whole.seed = None
    without = Job(tmp_path / 'a.json', whole.stages())
    assert without.digests['adapt_test'] == with_rival.digests['adapt_test']


@pytest.mark.parametrize(
    ('architecture', 'checkpoint', 'redirected'),
    [
        ('work_dirs/s/architecture.json', 'work_dirs/s', True),
        ('work_dirs/s/architecture.json', 'work_dirs/s/epoch_3.pth', True),
        ('work_dirs/s/chain/architecture_14.json', 'work_dirs/s', True),
        ('resnet50', 'work_dirs/s', True),
        ('', 'work_dirs/s', True),
        ('work_dirs/s/architecture.json', 'work_dirs/pretrain', False),
    ],
)
def test_weights_of_another_training_stay(tmp_path, architecture, checkpoint, redirected):
    """Pretraining between search and fine-tune is not replaced by the search (Table 13, row 6)."""
    hook = dict(type='mmtransfer.RemapHook', source='supernet', checkpoint=checkpoint)
    plain = Config.fromfile(str(FNA / 'deeplabv3_mbv2_adapt-pretrain.py'))
    assert plain.default_hooks.remap.checkpoint == 'work_dirs/classifier_mbv2_pretrain'
    plain.model.backbone.architecture, plain.default_hooks.remap = architecture, hook
    whole = adapt.Adaptation(tmp_path, Config(dict(train_cfg=dict())), plain)
    expected = str(tmp_path / 'search') if redirected else checkpoint
    assert whole.adapt.default_hooks.remap['checkpoint'] == expected


def fine_tune(**more):
    """A small adapt config."""
    backbone = dict(type='mmtransfer.AdaptedBackbone', architecture='runs/s/architecture.json')
    hook = dict(type='mmtransfer.RemapHook', checkpoint='runs/s')
    return Config(dict(model=dict(backbone=backbone), custom_hooks=[hook], train_cfg={}) | more)


def adaptation(root, plain):
    return adapt.Adaptation(root, Config(dict(train_cfg={})), plain)


@pytest.mark.parametrize('kind', [RemapHook, 'mmtransfer.hooks.remap.RemapHook', 'RemapHook'])
def test_the_weights_come_from_this_search_however_the_hook_is_written(tmp_path, kind):
    hook = dict(type=kind, checkpoint='runs/s')
    plain = fine_tune(custom_hooks=[hook], default_scope='mmtransfer')
    whole = adaptation(tmp_path, plain)
    whole.check()
    assert plain.custom_hooks[0].checkpoint == str(tmp_path / 'search')
    hook = dict(type=kind, checkpoint='runs/s')
    plain = fine_tune(custom_hooks=[], default_hooks=dict(remap=hook), default_scope='mmtransfer')
    adaptation(tmp_path, plain).check()
    assert plain.default_hooks.remap.checkpoint == str(tmp_path / 'search')


PURE = """
from mmengine.config import read_base
with read_base():
    from .base import *
from mmtransfer.backbones import AdaptedBackbone
from mmtransfer.hooks import RemapHook
found = 'runs/s'
model = dict(backbone=dict(type=AdaptedBackbone, architecture=f'{found}/architecture.json'))
custom_hooks = [dict(type=RemapHook, checkpoint=found)]
"""
BASE = """
from mmengine.runner import EpochBasedTrainLoop
train_cfg = dict(type=EpochBasedTrainLoop, max_epochs=3)
"""


def test_configs_of_pure_python(tmp_path):
    (tmp_path / 'base.py').write_text(BASE)
    (tmp_path / 'pure.py').write_text(PURE)
    plain = read_config(tmp_path / 'pure.py', ['train_cfg.max_epochs=5'])
    root = tmp_path / 'run'
    whole = adaptation(root, plain)
    whole.check()
    (root / 'configs').mkdir(parents=True)
    (root / 'configs/adapt.py').write_text(plain.pretty_text)  # what the stages read
    again = Config.fromfile(root / 'configs/adapt.py')
    ((_, hook),) = remap_hooks(again)
    assert hook.checkpoint == str(root / 'search') and again.train_cfg.max_epochs == 5
    assert again.model.backbone.architecture == str(root / 'architecture.json')


def test_a_wrapped_detector(tmp_path):
    backbone = dict(
        type='mmtransfer.AdaptedBackbone', architecture='runs/s/architecture.json', blocks=[1]
    )
    plain = fine_tune(model=dict(detector=dict(backbone=backbone)))
    adaptation(tmp_path, plain).check()
    found = plain.model.detector.backbone
    assert found.architecture == str(tmp_path / 'architecture.json') and 'blocks' not in found
    assert plain.custom_hooks[0].checkpoint == str(tmp_path / 'search')


def test_a_search_without_a_supernet_in_its_wrapper():
    search = dict(type='mmtransfer.SearchLoop')
    backbone = dict(type='mmtransfer.AdaptedBackbone', architecture='mobilenet_v2')
    cfg = Config(dict(model=dict(detector=dict(backbone=backbone)), train_cfg=search))
    with pytest.raises(
        ConfigError, match=r'model\.detector\.backbone of a search must be a supern'
    ):
        check_search(cfg)
    backbone.update(type='mmtransfer.FNASupernet')
    check_search(Config(dict(model=dict(detector=dict(backbone=backbone)), train_cfg=search)))


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        (dict(load_from='runs/s/epoch_3.pth'), "load_from .* is 'runs/s/epoch_3.pth', of another"),
        (dict(model=dict(init_cfg=dict(type='Pretrained', checkpoint='runs/s'),
                         backbone=dict(type='mmtransfer.AdaptedBackbone',
                                       architecture='runs/s/chain/architecture_03.json'))),
         "model.init_cfg.checkpoint .* is 'runs/s', of another run"),
        (dict(custom_hooks=[dict(type='mmtransfer.RemapHook', checkpoint='runs/pretrain')]),
         "custom_hooks.0.checkpoint .* is 'runs/pretrain', which must exist before"),
        (dict(model=dict(backbone=dict(type='mmengine.X'))), "an mmtransfer.AdaptedBackbone.*'mm"),
    ],
)  # fmt: skip
def test_a_fine_tune_that_would_not_read_what_the_search_writes(tmp_path, more, message):
    with pytest.raises(ConfigError, match=message):
        adaptation(tmp_path, fine_tune(**more)).check()


def test_swapped_and_incomplete_configs():
    model = dict(backbone=dict(type='mmtransfer.FNASupernet'))
    parts = dict(model=model, train_dataloader=dict(batch_size=2))
    search = Config(dict(parts, train_cfg=dict(type='mmtransfer.SearchLoop', max_epochs=2)))
    tune = Config(dict(parts, train_cfg=dict(max_epochs=2)))
    adapt.check_roles(search, tune, tune)
    for wrong, message in (
        ((search, search, None), 'the second config must be a fine-tune'),
        ((tune, tune, None), 'must be of a search'),
        ((search, tune, search), '--seed must be a fine-tune'),
    ):
        with pytest.raises(ConfigError, match=message):
            adapt.check_roles(*wrong)
    with pytest.raises(ConfigError, match='needs train_cfg and train_dataloader'):
        adapt.check_roles(search, Config(dict(parts, train_cfg=None)), None)
    with pytest.raises(ConfigError, match="must have a backbone; it is a 'X' of head"):
        adapt.check_roles(search, Config(dict(tune, model=dict(type='X', head={}))), None)
    plain = dict(backbone=dict(type='mmtransfer.AdaptedBackbone'))
    with pytest.raises(ConfigError, match="be a supernet, .* received 'mmtransfer.AdaptedBackbone"):
        adapt.check_roles(Config(dict(search, model=plain)), tune, None)
    search.train_cfg.arch_begin = 2
    with pytest.raises(ConfigError, match='arch_begin must lie before'):
        adapt.check_roles(search, tune, None)


def test_commands_in_a_report_can_be_pasted(tmp_path, monkeypatch):
    """Also where a path has blanks."""
    root = tmp_path / 'my runs'
    whole = adaptation(root, fine_tune(train_dataloader=dict(batch_size=2)))
    whole.search.train_dataloader = dict(batch_size=2)
    whole.search.train_cfg = dict(input_size=(8, 8), max_epochs=1)
    whole.adapt.train_cfg = dict(max_epochs=1)
    monkeypatch.setattr(adapt.Job, 'run', lambda job: None)
    monkeypatch.setattr(adapt, 'count', lambda cfg, size: dict(params=COUNTS, madds=COUNTS))
    write_atomically('{"coco/bbox_mAP": 0.5}', root / 'adapt_test.json')
    seed_architecture('mobilenet_v2').write(root / 'architecture.json')
    whole.run()
    lines = (root / 'report.md').read_text().splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith('python')]
    assert [words[1] for words in commands][:2] == ['tools/train.py', 'tools/derive.py']
    assert all(str(root) in words[2] for words in commands)
    several = adapt.Stage('x', 'x', ['tools/dist_train.sh', 'x y.py', '2'])
    assert several.command_line == ['bash', 'tools/dist_train.sh', 'x y.py', '2']


@pytest.mark.parametrize('metrics', ['{}', '{"coco/bbox_mAP": null}'])
def test_a_test_that_found_nothing_is_said_in_the_report(tmp_path, monkeypatch, metrics):
    whole = adaptation(tmp_path, fine_tune(train_dataloader=dict(batch_size=2)))
    whole.search.train_dataloader = dict(batch_size=2)
    whole.search.train_cfg = dict(input_size=(8, 8), max_epochs=1)
    whole.adapt.train_cfg = dict(max_epochs=1)
    monkeypatch.setattr(adapt.Job, 'run', lambda job: None)
    monkeypatch.setattr(adapt, 'count', lambda cfg, size: dict(params=COUNTS, madds=COUNTS))
    write_atomically(metrics, tmp_path / 'adapt_test.json')
    seed_architecture('mobilenet_v2').write(tmp_path / 'architecture.json')
    whole.run()
    assert "The test of 'adapted' found nothing" in (tmp_path / 'report.md').read_text()


COUNTS = dict(backbone=1, neck=1, head=1, total=3)


def test_the_demo_fails_unless_both_have_learned():
    def result(name, value):
        return Result(name, {}, {'coco/bbox_mAP_50': value})

    assert demo.verdict([result('seed', 0.3), result('adapted', 0.9)]) == []
    (text,) = demo.verdict([result('seed', 0.5), result('adapted', 0.29)])
    assert text.startswith('adapted: mAP50 must reach 0.3')
    assert len(demo.verdict([result('seed', float('nan'))])) == 1
    assert len(demo.verdict([Result('seed', {}, {})])) == 1


def call(job, stage, command, head, began):
    """A stage in a process that need not import the stack first; see test_stages for real ones."""
    done = run_program(*command[1:])
    log = job.record.parent / f'logs/{stage.name}.log'
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(done.stdout + done.stderr)
    return done.returncode


def test_a_whole_adaptation(tmp_path, monkeypatch):
    monkeypatch.setattr(adapt.Job, '_call', call)
    paths = []
    for name in ('search', 'adapt'):
        cfg = Config.fromfile(str(FNA / f'retinanet_mbv2_{name}.py'))
        cfg = shrink(cfg, tmp_path / name, searched=tmp_path)  # adapt.py sets its own paths
        paths.append(str(tmp_path / f'{name}.py'))
        cfg.dump(paths[-1])
    whole = adapt.Adaptation(tmp_path / 'run', *map(Config.fromfile, paths))
    (result,) = whole.run()
    assert 0 <= result.metrics['coco/bbox_mAP'] <= 1
    assert result.cost['madds']['backbone'] > 0 and result.search_seconds > 0
    report = (tmp_path / 'run/report.md').read_text()
    assert '| stage1 |' in report and 'adapted' in report
    log = (tmp_path / 'run/logs/adapt.log').read_text()
    assert 'Traceback' not in log


def options(tmp_path, adapt_options=''):
    """The arguments of a whole adaptation; its adapt config differs in this text."""
    path = tmp_path / 'adapt.py'
    path.write_text(f"_base_ = '{FNA / 'retinanet_mbv2_adapt.py'}'\n{adapt_options}\n")
    search = str(FNA / 'retinanet_mbv2_search.py')
    seed = str(FNA / 'retinanet_mbv2_seed.py')
    return adapt.parse_args([search, str(path), '--seed', seed, '--work-dir', str(tmp_path / 'r')])


def test_costs_are_counted_before_the_first_stage(tmp_path, monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(adapt.Adaptation, 'run', lambda *args: seen.append(1) or [])
    monkeypatch.setattr(adapt, 'result_table', lambda results: (['network'], []))
    adapt.run(options(tmp_path))
    assert seen and 'note' not in capsys.readouterr().out
    adapt.run(options(tmp_path, 'model = dict(neck=dict(in_channels=[24, 32, 96, 7]))'))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('note: ')]
    assert len(seen) == len(lines) == 2
    assert 'the neck of the adapted network: neck.lateral_convs.2.conv cannot run' in lines[0]
    assert 'the head of the adapted network: the neck before it failed' in lines[1]
    with pytest.raises(ValueError, match='one that can be built; received TypeError.*blocks_of'):
        adapt.run(options(tmp_path, 'model = dict(neck=dict(blocks_of=3))'))
    assert len(seen) == 2


def test_a_report_says_what_was_not_counted():
    counts = dict(params=COUNTS, madds={**COUNTS, 'head': None, 'total': None})
    header, (row,) = adapt.result_table([Result('adapted', counts, {'coco/bbox_mAP': 0.5})])
    assert row[header.index('total MAdds')] == 'not counted'
    assert row[header.index('backbone MAdds')].endswith('G')
