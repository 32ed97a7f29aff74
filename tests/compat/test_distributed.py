"""Process groups without CUDA."""

import os

import pytest
import torch

from mmtransfer import compat
from mmtransfer.compat import distributed

LAUNCHER_NAMES = [name for names in distributed._ENVIRONMENTS.values() for name in names]
ALL_NAMES = [*LAUNCHER_NAMES, 'MASTER_ADDR', 'MASTER_PORT', 'SLURM_NODELIST']


@pytest.fixture
def environment(monkeypatch):
    """Sets variables of a launcher, collects what would be started, and cleans up after itself."""
    for name in ALL_NAMES:
        monkeypatch.setenv(name, '')  # so that what the call sets is undone
        monkeypatch.delenv(name)
    for name in ('OMPI_COMM_WORLD_LOCAL_SIZE', 'LOCAL_WORLD_SIZE'):
        monkeypatch.delenv(name, raising=False)
    started = []
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(torch.distributed, 'init_process_group', started.append)

    def start(launcher, **variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        compat.init_distributed(launcher)
        return started, {n: os.environ.get(n) for n in ('RANK', 'WORLD_SIZE', 'MASTER_ADDR')}

    return start


@pytest.mark.parametrize(
    ('launcher', 'variables', 'host'),
    [
        ('pytorch', dict(RANK='1', WORLD_SIZE='2', LOCAL_RANK='1', MASTER_ADDR='h'), 'h'),
        ('slurm', dict(SLURM_PROCID='1', SLURM_NTASKS='2', SLURM_NODELIST='node7'), 'node7'),
        ('mpi', dict(OMPI_COMM_WORLD_RANK='1', OMPI_COMM_WORLD_SIZE='2'), '127.0.0.1'),
    ],
)
def test_each_launcher_starts_gloo(environment, launcher, variables, host):
    started, env = environment(launcher, **variables)
    assert started == ['gloo'] and env == dict(RANK='1', WORLD_SIZE='2', MASTER_ADDR=host)


def test_launcher_errors(environment):
    assert environment('none')[0] == []
    with pytest.raises(ValueError, match='must set SLURM_PROCID, SLURM_NTASKS'):
        environment('slurm')
    with pytest.raises(ValueError, match='none, pytorch, slurm, mpi'):
        environment('mpy')
    with pytest.raises(ValueError, match='MASTER_ADDR must name the host'):
        environment(
            'mpi',
            OMPI_COMM_WORLD_RANK='0',
            OMPI_COMM_WORLD_SIZE='4',
            OMPI_COMM_WORLD_LOCAL_SIZE='2',
        )


def test_a_group_is_left_once_a_run_has_ended(tmp_path):
    compat.end_distributed()  # no group: nothing to do
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1
    )
    compat.end_distributed()
    assert not torch.distributed.is_initialized()
