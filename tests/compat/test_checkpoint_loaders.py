"""Whatever MMEngine reads, it reads with care."""

import subprocess
import sys
import types

import numpy as np
import pytest
import torch
from mmengine.logging.history_buffer import HistoryBuffer

from mmtransfer import compat
from mmtransfer.checkpoints.plain import register_for_mmengine


class Code:
    """Runs when it is unpickled without care."""

    def __reduce__(self):
        return getattr, (HistoryBuffer, '__init__')


def test_logs_load_with_weights_only_and_code_does_not(tmp_path):
    compat.apply()
    log = HistoryBuffer([1.0, 3.0], [1, 1])
    values = dict(
        log=log, scalar=np.float32(0.5), array=np.arange(3, dtype='u1'), count=np.int64(2)
    )
    torch.save(values, tmp_path / 'a.pth')
    back = torch.load(tmp_path / 'a.pth', weights_only=True)
    assert back['log'].mean() == 2.0 and back['scalar'] == 0.5 and back['count'] == 2
    assert back['array'].tolist() == [0, 1, 2]
    torch.save(Code(), tmp_path / 'b.pth')
    with pytest.raises(Exception, match='refused to unpickle getattr'):
        torch.load(tmp_path / 'b.pth', weights_only=True)


def test_mmengine_reads_every_checkpoint_as_we_do(tmp_path, monkeypatch):
    """Its own loaders take a damaged file, and load code from a web address."""
    from mmengine.runner.checkpoint import CheckpointLoader, load_checkpoint

    from mmtransfer.checkpoints import reading
    from mmtransfer.checkpoints.errors import CheckpointError

    compat.apply()
    path = tmp_path / 'a.pth'
    torch.save(torch.nn.Linear(100, 1).state_dict(), path)
    whole = bytearray(path.read_bytes())
    whole[whole.index(torch.load(path)['weight'].numpy().tobytes())] ^= 1
    path.write_bytes(whole)
    with pytest.raises(CheckpointError, match='a.pth.*is damaged'):
        load_checkpoint(torch.nn.Linear(100, 1), str(path))
    torch.save({'state_dict': {}, 'code': Code()}, path)
    monkeypatch.setattr(reading, 'fetch', lambda name: path)
    client = types.SimpleNamespace(get=lambda name: path.read_bytes())
    monkeypatch.setattr('mmengine.fileio.get_file_backend', lambda *_, **__: client)
    for scheme in ('https://', 'http://', 'open-mmlab://', 'torchvision://', 's3://', 'a:s3://'):
        with pytest.raises(CheckpointError, match='refused to unpickle getattr'):
            CheckpointLoader.load_checkpoint(f'{scheme}b/a.pth', 'cpu')


REGISTRY = """
import sys
import mmtransfer.registry
heavy = ('mmdet', 'mmseg', 'mmpose', 'mmengine.runner', 'mmcv', 'matplotlib')
print(*[name for name in heavy if name in sys.modules])
import torch
print(torch.load(sys.argv[1], weights_only=True)['log'].mean())
from mmengine.runner.checkpoint import CheckpointLoader
print(CheckpointLoader._get_checkpoint_loader('x.pth').__name__)
"""


def test_importing_the_registry_applies_the_remedies_and_is_cheap(tmp_path):
    """As MMEngine does in any program whose config names a type of ours."""
    torch.save(dict(log=HistoryBuffer([1.0, 3.0], [1, 1])), tmp_path / 'a.pth')
    command = [sys.executable, '-c', REGISTRY, str(tmp_path / 'a.pth')]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split('\n')[:3] == ['', '2.0', 'load_from_mmtransfer']


def test_without_the_torch_feature_nothing_is_registered(monkeypatch):
    monkeypatch.delattr(torch.serialization, 'add_safe_globals')
    register_for_mmengine()
