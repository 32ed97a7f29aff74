import json

import pytest
import torch

from mmtransfer.checkpoints.errors import CheckpointError
from mmtransfer.checkpoints.reading import read_checkpoint
from mmtransfer.checkpoints.tensors import load_tensors


def write(path, header, data: bytes):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, 'little') + text + data)


def entry(dtype, shape, begin, end):
    return dict(dtype=dtype, shape=shape, data_offsets=[begin, end])


def test_tensors_of_every_kind(tmp_path):
    values = dict(
        F32=torch.randn(2, 3),
        F16=torch.randn(5).half(),
        BF16=torch.randn(3).bfloat16(),
        F64=torch.tensor(1.5, dtype=torch.float64),
        I64=torch.arange(3),
        U8=torch.arange(3, dtype=torch.uint8),
        BOOL=torch.tensor([True, False]),
    )
    header, data = {'__metadata__': {'format': 'pt'}}, b''
    header['backbone.empty'] = entry('F32', [0, 4], 0, 0)
    for name, value in values.items():
        raw = value.reshape(-1).view(torch.uint8).numpy().tobytes()
        header[f'backbone.{name}'] = entry(name, list(value.shape), len(data), len(data) + len(raw))
        data += raw
    write(tmp_path / 'x.safetensors', header, data)
    found = load_tensors(tmp_path / 'x.safetensors', prefix='backbone')
    assert found.pop('empty').shape == (0, 4)
    assert list(found) == list(values)
    for name, value in values.items():
        assert found[name].dtype == value.dtype and torch.equal(found[name], value)


@pytest.mark.parametrize(
    ('header', 'words'),
    [
        (b'{"a": ', 'header is no JSON'),
        (b'{"a":' + b'[' * 100_000, 'header is no JSON'),
        ({'a': entry('F32', [2], 0, 12)}, "'a' must take 2 values from byte 0 to 12, of 8"),
        ({'a': entry('F32', [2], 4, 8)}, "'a' must take 2 values from byte 4 to 8"),
        ({'a': entry('F32', [10**9, 10**9], 0, 8)}, 'must take 1000000000000000000 values'),
        ({'a': entry('F32', [-2], 0, 8)}, "'a' must give dtype, shape and data_offsets"),
        ({'a': entry('Q3', [2], 0, 8)}, "'a' has dtype 'Q3'; known are F64"),
        ({'a': [1]}, "'a' must give dtype, shape and data_offsets"),
    ],
)
def test_damaged_files(tmp_path, header, words):
    write(tmp_path / 'x.safetensors', header, b'\0' * 8)
    with pytest.raises(CheckpointError, match=f'is damaged.*{words}'):
        read_checkpoint(tmp_path / 'x.safetensors')
