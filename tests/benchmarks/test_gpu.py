"""The command for machines with a GPU, as far as it goes without one."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'benchmarks'))
import gpu  # noqa: E402

from tests import processes  # noqa: E402


def collect():
    sys.exit(pytest.main([str(ROOT / 'tests/gpu'), '--collect-only', '-m', 'cuda']))


def test_tests_that_need_a_gpu_are_deselected_without_one():
    """Not skipped, and never part of ``make test``."""
    done = processes.run(collect, env=dict(CUDA_VISIBLE_DEVICES=''))
    assert done.returncode == 5, done.stdout  # nothing to run
    assert '4 deselected' in done.stdout and 'skipped' not in done.stdout
    assert "-m 'not all_configs and not cuda'" in (ROOT / 'pyproject.toml').read_text()


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(gpu.torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(sys, 'argv', ['gpu.py'])
    assert gpu.main() == 2
    assert 'no GPU that PyTorch can use; --cpu runs the same on the CPU' in capsys.readouterr().err


@pytest.mark.parametrize('codes', [[0, 0], [0, 3]])
def test_a_cpu_that_stands_in_is_named(monkeypatch, capsys, codes):
    left, ran = iter(codes), []

    def run(command, cwd, env, timeout):
        assert env['CUDA_VISIBLE_DEVICES'] == '' and 0 < timeout <= 480
        ran.append(command[1:])
        return SimpleNamespace(returncode=next(left))

    monkeypatch.setattr(gpu, 'describe', lambda device: device)  # asks other programs
    monkeypatch.setattr(gpu.subprocess, 'run', run)
    monkeypatch.setattr(sys, 'argv', ['gpu.py', '--cpu'])
    assert gpu.main() == int(any(codes))
    assert ['tests/gpu', '-m', 'cuda', '--device', 'cpu'] == ran[0][2:7]
    assert ran[1][:3] == ['benchmarks/search_step.py', '--device', 'cpu']
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith('ran on a CPU in place of a GPU in')
    assert last.endswith('exit codes [0, 3]' if any(codes) else 'all passed')


def test_what_takes_too_long_is_stopped(capsys):
    assert gpu.run(['-c', 'import time; time.sleep(60)'], dict(os.environ), 0.5) == 124
    assert 'stopped after' in capsys.readouterr().out
