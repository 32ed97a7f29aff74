"""Reading checkpoints: every kind of bad file is a clear error, and none of them runs."""

import argparse
import collections
import datetime
import os
import pathlib
import pickle
import random
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging.history_buffer import HistoryBuffer

from mmtransfer.checkpoints.errors import CheckpointError
from mmtransfer.checkpoints.reading import read_checkpoint


class Command:
    """Runs a command when unpickled the usual way."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class Settings:
    """A class of somebody's own project."""


@pytest.fixture
def saved(tmp_path):
    """A good checkpoint and its tensors."""
    tensors = {'a.weight': torch.randn(40, 40), 'b': torch.tensor(3)}
    path = tmp_path / 'good.pth'
    torch.save(tensors, path)
    return path, tensors


PLAIN = dict(
    namespace=(argparse.Namespace(lr=0.1, out=Path('a/b')), None),
    simple_namespace=(types.SimpleNamespace(a=1), None),
    path=(Path('a/b'), pathlib.PurePosixPath('a/b')),
    windows_path=(pathlib.PureWindowsPath('c:/x'), None),
    defaultdict=(collections.defaultdict(list, a=[1]), {'a': [1]}),
    nested_defaultdict=(collections.defaultdict(int, {0: collections.Counter('aa')}), None),
    deque=(collections.deque([1, 2], maxlen=3), [1, 2]),
    ordered=(collections.OrderedDict(b=1, a=2), None),
    config=(ConfigDict(a=dict(b=1)), {'a': {'b': 1}}),
    datetime=(datetime.datetime(2024, 5, 6, 7, tzinfo=datetime.timezone.utc), None),
    timedelta=(datetime.timedelta(days=1, seconds=2), None),
    sets=([{1}, frozenset('a')], None),
    numbers=([range(3), slice(1, 2), 1j, 10**30, b'x'], None),
    dtype=(np.dtype('float32'), None),
    numpy_text=(np.str_('abc'), None),
    random_state=(random.getstate(), None),
    generator_state=(np.random.default_rng(0).bit_generator.state, None),
)


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('name', PLAIN)
def test_plain_data_beside_the_tensors_is_read(tmp_path, name, zipped):
    value, wanted = PLAIN[name]
    content = {'state_dict': {'a': torch.ones(2)}, 'extra': value}
    torch.save(content, tmp_path / 'x.pth', _use_new_zipfile_serialization=zipped)
    found = read_checkpoint(tmp_path / 'x.pth')
    assert torch.equal(found['state_dict']['a'], torch.ones(2))
    if name == 'namespace':
        assert found['extra'] == argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath('a/b'))
    else:
        assert found['extra'] == (value if wanted is None else wanted)


@pytest.mark.parametrize('kind', ['f2', 'f8', 'c16', 'i1', 'u4', 'u8', '?', 'U3', 'S3', 'M8[D]'])
def test_numpy_arrays_of_values_are_read(tmp_path, kind):
    array = np.array([1, 0, 1]).astype(kind)
    torch.save({'x': array, 'y': array[0], 'state': np.random.get_state()}, tmp_path / 'x.pth')
    found = read_checkpoint(tmp_path / 'x.pth')
    assert found['x'].dtype == array.dtype and (found['x'] == array).all()
    assert found['y'] == array[0]
    assert (found['state'][1] == np.random.get_state()[1]).all()


def test_log_buffers_are_read_whatever_was_unregistered(tmp_path):
    buffer = HistoryBuffer()
    buffer.update(2.0)
    content = {'state_dict': {'a': torch.ones(2)}, 'message_hub': {'log_scalars': {'x': buffer}}}
    torch.save(content, tmp_path / 'epoch_1.pth')
    before = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        read = read_checkpoint(tmp_path / 'epoch_1.pth')
        left = torch.serialization.get_safe_globals()
    finally:
        torch.serialization.add_safe_globals(before)
    assert read['message_hub']['log_scalars']['x'].current() == 2.0
    assert argparse.Namespace not in left  # allowed while one of our files is read


@pytest.mark.parametrize('how', ['zip', 'legacy', 'pickle'])
def test_code_in_a_file_is_refused_and_not_run(tmp_path, how):
    trace, path = tmp_path / 'ran', tmp_path / 'evil.pth'
    content = {'state_dict': {'a': torch.ones(2)}, 'extra': Command(f'touch {trace}')}
    if how == 'pickle':
        path.write_bytes(pickle.dumps(content['extra'], protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how == 'zip')
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    for words in ('would run code', 'system', 'nothing in it was executed', 'state_dict()'):
        assert words in str(caught.value)
    assert not trace.exists()


def test_a_newer_pickle_is_refused_and_not_run(tmp_path):
    trace, path = tmp_path / 'ran', tmp_path / 'evil.pth'
    path.write_bytes(pickle.dumps(Command(f'touch {trace}'), protocol=4))
    with pytest.raises(CheckpointError, match='system.*(?i:nothing in it was executed)'):
        read_checkpoint(path)
    assert not trace.exists()


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('part', [0, 0.001, 0.1, 0.5, 0.99])
def test_truncated_files(tmp_path, saved, zipped, part):
    path, tensors = saved
    torch.save(tensors, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(CheckpointError, match='good.pth.*is damaged, incomplete'):
        read_checkpoint(path)


def test_flipped_bits_never_give_other_tensors(tmp_path, saved):
    """torch alone loads other tensors from 3 in 4 of these files."""
    path, tensors = saved
    whole, draw = path.read_bytes(), random.Random(0)
    refused = 0
    for _ in range(400):
        broken = bytearray(whole)
        broken[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(broken)
        try:
            found = read_checkpoint(path)
        except CheckpointError as error:
            refused += 'good.pth' in str(error)
            continue
        assert list(found) == list(tensors)
        assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert refused > 200


def test_a_damaged_file_names_the_intact_one_before_it(tmp_path):
    paths = [tmp_path / f'epoch_{n}.pth' for n in (2, 9, 10, 11)]
    for path in paths:
        torch.save({'state_dict': {'a': torch.ones(1000)}}, path)
    for path in paths[2:]:
        whole = bytearray(path.read_bytes())
        whole[len(whole) // 2] ^= 1  # in the middle of the tensor
        path.write_bytes(whole)
        assert not torch.load(path, weights_only=True)['state_dict']['a'].eq(1).all()
    (tmp_path / 'best_epoch_9.pth').write_bytes(b'')
    message = r"epoch_11.pth' is damaged.*data/0' differs.*before it, '.*epoch_9.pth', is intact"
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(paths[3])
    with pytest.raises(CheckpointError, match='best_epoch_9.pth.*Download or copy it again'):
        read_checkpoint(tmp_path / 'best_epoch_9.pth')


def test_a_file_written_without_sums_is_read(tmp_path):
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({'a': torch.ones(2)}, tmp_path / 'x.pth')
    finally:
        torch.serialization.set_crc32_options(True)
    assert torch.equal(read_checkpoint(tmp_path / 'x.pth')['a'], torch.ones(2))


@pytest.mark.parametrize(
    ('content', 'words'),
    [(torch.ones(3), 'must hold a dict.*received torch.Tensor'), ([1, 2], 'dict.*received list')],
)
def test_not_a_dict(tmp_path, content, words):
    torch.save(content, tmp_path / 'x.pth')
    with pytest.raises(CheckpointError, match=words):
        read_checkpoint(tmp_path / 'x.pth')


def test_threads_that_read_at_once(tmp_path):
    path = tmp_path / 'x.pth'
    torch.save({'a': torch.ones(2), 'args': argparse.Namespace(x=[1] * 1000)}, path)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(read_checkpoint, [path] * 64))
    assert all(content['args'].x == [1] * 1000 for content in found)


def test_a_file_that_may_not_be_read(tmp_path, saved, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr('builtins.open', refuse)
    with pytest.raises(CheckpointError, match='good.pth.*may read; Permission denied'):
        read_checkpoint(saved[0])
