"""Files that are whole but not read: what they are, what they hold, and what to do."""

import re
import zipfile

import pytest
import torch
from torch import nn

from mmtransfer.checkpoints.errors import CheckpointError
from mmtransfer.checkpoints.reading import read_checkpoint
from tests.checkpoints.test_reading import Settings


def refusal(path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    return str(caught.value)


@pytest.mark.parametrize('protocol', [2, 4])
def test_what_is_beside_the_tensors_is_named_and_how_to_save_them_alone(tmp_path, protocol):
    tensors = {'a': torch.ones(2)}
    path = tmp_path / 'x.pth'
    torch.save({'model': tensors, 'cfg': [Settings(), Settings()]}, path, pickle_protocol=protocol)
    message = refusal(path)
    assert 'damaged' not in message
    assert message.count('tests.checkpoints.test_reading.Settings') == 1
    advice = re.search(r'(tensors = torch.load.*?); (torch.save\(.*?\))\.', message)
    exec(advice[1], names := dict(torch=torch))
    assert torch.equal(names['tensors']['a'], tensors['a'])
    assert advice[2] == "torch.save(tensors, 'tensors.pth')"


def test_a_whole_module(tmp_path, monkeypatch):
    """Followed to the letter, the advice gives a file that is read."""
    monkeypatch.chdir(tmp_path)
    torch.save({'model': nn.Linear(2, 3), 'epoch': 1}, 'x.pth')
    message = refusal('x.pth')
    assert 'torch.nn.modules.linear.Linear' in message
    first, second = re.search(
        r'(tensors = torch.load.*?); (torch.save\(.*?)\. Your', message
    ).groups()
    exec(f'{first}\n{second}', dict(torch=torch))
    assert read_checkpoint('tensors.pth')['weight'].shape == (3, 2)


def test_plain_data_in_another_protocol(tmp_path):
    torch.save({'state_dict': {'a': torch.ones(2)}}, tmp_path / 'x.pth', pickle_protocol=4)
    message = refusal(tmp_path / 'x.pth')
    assert 'pickle protocol 4' in message and "weights_only=False)['state_dict']" in message


@pytest.mark.parametrize(
    ('data', 'words'),
    [
        (b'<!DOCTYPE html><html>not found</html>', 'page of HTML'),
        (b'version https://git-lfs.github.com/spec/v1\noid', 'Git LFS.*git lfs pull'),
        (b'{"weight_map": {}}', 'text in JSON'),
        (b'\x1f\x8b\x08\x00rest', 'gzip: unpack it'),
    ],
)
def test_other_files(tmp_path, data, words):
    (tmp_path / 'x.pth').write_bytes(data)
    message = refusal(tmp_path / 'x.pth')
    assert re.search(f"x.pth' is no checkpoint of PyTorch but .*{words}", message)


def test_other_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / 'x.pth', 'w') as archive:
        archive.writestr('folder/model.pth', 'x')
    assert re.search('none of torch.save .*model.pth.*unpack it', refusal(tmp_path / 'x.pth'))


@pytest.mark.filterwarnings('ignore:`torch.jit:DeprecationWarning')
def test_torchscript(tmp_path):
    torch.jit.script(nn.Linear(2, 2)).save(tmp_path / 'x.pth')
    assert 'a program of TorchScript' in refusal(tmp_path / 'x.pth')
