"""tools/dist_train.sh and dist_test.sh with two processes on the CPU."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from mmengine.config import Config

from mmtransfer.architecture import Architecture
from tests.shrink import shrink

ROOT = Path(__file__).parents[2]


def port():
    """One that is free."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return str(probe.getsockname()[1])


def call(script, *arguments):
    env = dict(os.environ, PORT=port(), PYTHON=sys.executable, OMP_NUM_THREADS='1')
    command = ['bash', str(ROOT / 'tools' / script), *map(str, arguments)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_the_message_of_a_process_is_not_buried(tmp_path):
    """torchrun itself says in a traceback of its own which process failed."""
    (tmp_path / 'x.py').write_text(
        "import sys; print('x.py: error: why', file=sys.stderr); exit(2)"
    )
    command = [sys.executable, str(ROOT / 'mmtransfer/tools/_launch.py'), '--nproc_per_node=1']
    command += [f'--master_port={port()}', str(tmp_path / 'x.py')]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert 'x.py: error: why' in done.stderr and 'Traceback' not in done.stderr
    assert done.stderr.splitlines()[-1] == 'process 0 ended with code 2; see above'


def test_a_search_and_a_test_in_two_processes(tmp_path):
    cfg = Config.fromfile(str(ROOT / 'configs/fna/retinanet_mbv2_search.py'))
    shrink(cfg, tmp_path).dump(str(tmp_path / 'search.py'))
    work = tmp_path / 'work'
    call('dist_train.sh', tmp_path / 'search.py', 2, '--work-dir', work)
    assert Architecture.read(work / 'architecture.json').seed == 'mobilenet_v2'
    assert Path((work / 'last_checkpoint').read_text()).exists()
    out = tmp_path / 'metrics.json'
    call('dist_test.sh', tmp_path / 'search.py', work, 2, '--json', out, '--work-dir', work)
    assert isinstance(json.loads(out.read_text()), dict)
