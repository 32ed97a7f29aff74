"""How a job shows its progress, and that nothing of it lives on when it was killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmtransfer.tools import _stages
from mmtransfer.tools._stages import Job, Stage

# A job of one stage, whose command is a script of Bash that starts a process of Python, as
# tools/dist_train.sh does.
JOB = """
import sys
from pathlib import Path
from mmtransfer.tools._stages import Job, Stage
folder = Path(sys.argv[1])
Job(folder / 'job.json', [Stage('one', 'one', [str(folder / 'stage.sh'), sys.executable])]).run()
"""


def is_running(pid: int) -> bool:
    try:
        return Path(f'/proc/{pid}/stat').read_text().split()[2] != 'Z'
    except FileNotFoundError:
        return False


@pytest.mark.parametrize('how', [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_job_takes_its_child_with_it(tmp_path, how):
    (tmp_path / 'stage.sh').write_text(f'exec "$1" "{tmp_path}/child.py"')
    (tmp_path / 'child.py').write_text(
        'import os, pathlib, time\n'
        f'pathlib.Path({str(tmp_path / "new")!r}).write_text(str(os.getpid()))\n'
        f'os.rename({str(tmp_path / "new")!r}, {str(tmp_path / "pid")!r})\n'
        'time.sleep(60)\n'
    )
    command = [sys.executable, '-c', JOB, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as job:
        deadline = time.monotonic() + 30
        while not (tmp_path / 'pid').exists():
            assert time.monotonic() < deadline and job.poll() is None
            time.sleep(0.02)
        child = int((tmp_path / 'pid').read_text())
        assert is_running(child)
        os.kill(job.pid, how)
        job.wait()
    while is_running(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def shown(tmp_path, monkeypatch, capsys):
    """Let a job see a line of a stage's log after some seconds; what it prints."""
    clock = iter(range(0, 10_000, 100))
    monkeypatch.setattr(_stages.time, 'monotonic', lambda: next(clock))

    def show(job, stage, line, elapsed):
        capsys.readouterr()
        job._show(stage, 'head', line, elapsed)
        return capsys.readouterr().out.strip()

    return show


def stage(name, batch=4, **train_cfg):
    return Stage(name, name, ['x'], train_cfg=train_cfg, batch=batch)


def test_the_time_left_of_a_training_that_counts_iterations(shown, tmp_path):
    """Alone it needs to know nothing of its data."""
    only = stage('only', max_iters=1000)
    job = Job(tmp_path / 'job.json', [only])
    assert shown(job, only, 'Iter(train) [ 100/1000]  loss: 1', 50) == ''
    said = shown(job, only, 'Iter(train) [ 300/1000]  loss: 1', 90)
    assert said == 'head: iteration 300/1000; about 2:20 left here, 2:20 in all'


def test_the_time_left_of_trainings_that_count_in_different_ways(shown, tmp_path):
    """A pass of the search tells how long the data are: 20 iterations of 4, of which it has half.
    The fine-tune of 80 iterations of 16 images is then 8 passes over 160 images."""
    search = stage('search', max_epochs=2, arch_begin=None, searcher={}, split=dict(arch=0.5))
    tune = stage('tune', 16, max_iters=80)
    job = Job(tmp_path / 'job.json', [search, tune])
    assert shown(job, search, 'Epoch(train) [1][ 5/20]  loss: 1', 0) == ''
    assert job.images == 160
    said = shown(job, search, 'Epoch(train) [2][10/20]  loss: 1', 25)
    # 25 iterations of 4 in 25 s: another 10 s here; 80 of 16 take 320 s.
    assert said == 'head: epoch 2, iteration 10/20; about 0:10 left here, 5:30 in all'
    assert Job(tmp_path / 'job.json', [search, tune]).images == 160


def test_without_the_length_of_the_data_there_is_no_time_in_all(shown, tmp_path):
    first, second = stage('first', max_iters=100), stage('second', max_epochs=3)
    job = Job(tmp_path / 'job.json', [first, second])
    shown(job, first, 'Iter(train) [ 10/100]  loss: 1', 0)
    said = shown(job, first, 'Iter(train) [ 60/100]  loss: 1', 50)
    assert said == 'head: iteration 60/100; about 0:40 left here'
