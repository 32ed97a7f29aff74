"""How the tools choose what to resume and what to test."""

import importlib
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from mmengine.config import Config


def tool(name):
    return importlib.import_module(f'mmtransfer.tools.{name}')


@pytest.fixture
def cfg(tmp_path):
    return Config(dict(work_dir=str(tmp_path), resume=False, load_from='x.pth'))


def test_resume_without_a_checkpoint_is_a_new_run(cfg, capsys):
    tool('train').set_resume(cfg, 'auto')
    assert cfg.resume is False and cfg.load_from is None
    assert 'starting a new run' in capsys.readouterr().out


def test_resume_finds_the_last_checkpoint(cfg, tmp_path):
    (tmp_path / 'last_checkpoint').write_text('epoch_1.pth')
    tool('train').set_resume(cfg, 'auto')
    assert cfg.resume is True and cfg.load_from is None


def test_resume_from_a_file(cfg):
    tool('train').set_resume(cfg, 'a.pth')
    assert cfg.resume is True and cfg.load_from == 'a.pth'


def test_a_work_directory_stands_for_its_best_checkpoint(tmp_path):
    find = tool('test').find_checkpoint
    for age, name in enumerate(('epoch_9.pth', 'best_a_epoch_3.pth', 'best_a_epoch_2.pth')):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_9.pth'))
    assert find(str(tmp_path)) == str(tmp_path / 'best_a_epoch_3.pth')
    assert find(str(tmp_path / 'epoch_9.pth')) == str(tmp_path / 'epoch_9.pth')
    for best in tmp_path.glob('best_*'):
        best.unlink()
    assert find(str(tmp_path)) == str(tmp_path / 'epoch_9.pth')


@pytest.mark.parametrize('name', ['train', 'test'])
def test_the_process_group_is_left_after_success_alone(name, cfg, tmp_path, monkeypatch):
    """After an error it is not: the other ranks may be waiting in it."""
    module, done = tool(name), []
    (tmp_path / 'x.pth').touch()
    arguments = [] if name == 'train' else [str(tmp_path / 'x.pth')]
    monkeypatch.setattr(sys, 'argv', [f'{name}.py', __file__, *arguments])
    monkeypatch.setattr('mmtransfer.tools._run.run_config', lambda args: cfg)
    monkeypatch.setattr('mmtransfer.compat.end_distributed', lambda: done.append('left'))
    runner = SimpleNamespace(**{name: lambda: done.append('ran')})
    monkeypatch.setattr('mmengine.runner.Runner', SimpleNamespace(from_cfg=lambda cfg: runner))
    assert module.main() == 0
    assert done == ['ran', 'left']
    setattr(runner, name, lambda: {}['missing'])
    with pytest.raises(KeyError):
        module.main()
    assert done == ['ran', 'left']


def test_one_training_at_a_time_in_a_work_directory(cfg, tmp_path, monkeypatch, capsys):
    """Said before anything is built; a test may run beside it."""
    hold = 'import sys; from mmtransfer.lock import lock_folder; held = lock_folder(sys.argv[1]); '
    hold += 'print(1, flush=True); sys.stdin.read()'
    monkeypatch.setattr('mmtransfer.tools._run.run_config', lambda args: cfg)
    built = SimpleNamespace(train=lambda: built_for.append(1), test=lambda: built_for.append(2))
    built_for = []
    monkeypatch.setattr('mmengine.runner.Runner', SimpleNamespace(from_cfg=lambda cfg: built))
    command = [sys.executable, '-c', hold, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        monkeypatch.setattr(sys, 'argv', ['train.py', __file__])
        assert tool('train').main() == 2
        assert f'in use by process {other.pid} on' in capsys.readouterr().err
        (tmp_path / 'x.pth').touch()
        monkeypatch.setattr(sys, 'argv', ['test.py', __file__, str(tmp_path / 'x.pth')])
        assert tool('test').main() == 0
        other.stdin.close()
        other.wait()
    assert built_for == [2]
    monkeypatch.setattr(sys, 'argv', ['train.py', __file__])
    assert tool('train').main() == 0 and built_for == [2, 1]


@pytest.mark.parametrize(('launcher', 'bound'), [('pytorch', True), ('none', False)])
def test_the_processes_of_a_killed_launcher_end(cfg, monkeypatch, launcher, bound):
    done = []
    monkeypatch.setattr('mmtransfer.tools._run.run_config', lambda args: cfg)
    monkeypatch.setattr(
        'mmtransfer.tools._run.ends_with_parent', lambda parent: lambda: done.append(parent)
    )
    monkeypatch.setattr('mmtransfer.compat.init_distributed', lambda launcher: None)
    runner = SimpleNamespace(train=lambda: None)
    monkeypatch.setattr('mmengine.runner.Runner', SimpleNamespace(from_cfg=lambda cfg: runner))
    monkeypatch.setattr(sys, 'argv', ['train.py', __file__, '--launcher', launcher])
    assert tool('train').main() == 0
    assert done == [os.getppid()] * bound
