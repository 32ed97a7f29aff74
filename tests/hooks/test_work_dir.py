"""Whatever program trains: with our checkpoints, one run at a time uses a work directory."""

import subprocess
import sys

import pytest
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.lock import WorkDirError
from tests.engine.tiny import search_config
from tests.test_lock import HOLD, tried


@pytest.fixture
def runner(tmp_path):
    compat.apply()
    return Runner.from_cfg(search_config(tmp_path / 'work', epochs=1, arch_begin=0))


def test_a_training_keeps_others_out_until_its_end(runner):
    said = []

    class Ask(Hook):
        def before_train_iter(self, runner, **kwargs):
            said.append(tried(runner.work_dir))

    runner.register_hook(Ask())
    runner.train()
    assert len(said) == 2 and all('is in use by process' in text for text in said)
    assert tried(runner.work_dir) == 'free'


def test_a_training_beside_another_is_refused_before_its_first_step(runner):
    with subprocess.Popen(
        [sys.executable, '-c', HOLD, runner.work_dir], stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        with pytest.raises(WorkDirError, match=f'is in use by process {other.pid} on'):
            runner.train()
        assert runner.iter == 0
        other.kill()
