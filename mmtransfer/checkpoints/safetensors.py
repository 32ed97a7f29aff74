"""Files of the safetensors format: a JSON header with a place for every tensor, then their bytes.

The format is small enough to be read here, which needs no further package: eight bytes with the
length of the header, the header, the data. It can hold nothing but tensors and text.
"""

import json
from typing import Any, BinaryIO

import torch
from torch import Tensor

_DTYPES = dict(
    F64=torch.float64,
    F32=torch.float32,
    F16=torch.float16,
    BF16=torch.bfloat16,
    I64=torch.int64,
    I32=torch.int32,
    I16=torch.int16,
    I8=torch.int8,
    U8=torch.uint8,
    BOOL=torch.bool,
    C64=torch.complex64,
    F8_E4M3=torch.float8_e4m3fn,
    F8_E5M2=torch.float8_e5m2,
)
_LARGEST_HEADER = 100_000_000  # bytes; the bound of the format itself


class SafetensorsError(ValueError):
    """A file that does not follow the format."""


def is_safetensors(beginning: bytes, size: int) -> bool:
    """Whether a file may be of this format.

    Args:
        beginning: Its first nine bytes or more.
        size: Of the whole file.
    """
    length = int.from_bytes(beginning[:8], 'little')
    return beginning[8:9] == b'{' and 2 <= length <= min(size - 8, _LARGEST_HEADER)


def read_safetensors(file: BinaryIO) -> dict[str, Tensor]:
    """The tensors of a file by name, on the CPU.

    Args:
        file: At its beginning.

    Raises:
        SafetensorsError: Says what in the file does not hold.
    """
    header = _header(file.read(int.from_bytes(file.read(8), 'little')))
    data = bytearray(file.read())
    return {name: _tensor(name, entry, data) for name, entry in header.items()}


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise SafetensorsError('its header is no JSON') from None
    if not isinstance(header, dict):
        raise SafetensorsError('its header is no JSON object')
    header.pop('__metadata__', None)
    return header


def _tensor(name: str, entry: Any, data: bytearray) -> Tensor:
    try:
        dtype, shape, (begin, end) = entry['dtype'], entry['shape'], entry['data_offsets']
        holds = all(type(n) is int and n >= 0 for n in (begin, end, *shape))
    except (KeyError, TypeError, ValueError):
        holds = False
    if not holds:
        raise SafetensorsError(f'the entry of {name!r} must give dtype, shape and data_offsets')
    if dtype not in _DTYPES:
        raise SafetensorsError(f'{name!r} has dtype {dtype!r}; known are {", ".join(_DTYPES)}')
    number = 1
    for length in shape:
        number *= length
    if end > len(data) or end - begin != number * _DTYPES[dtype].itemsize:
        raise SafetensorsError(
            f'{name!r} must take {number} values from byte {begin} to {end}, of {len(data)}'
        )
    if number == 0:
        return torch.empty(shape, dtype=_DTYPES[dtype])
    whole = torch.frombuffer(data, dtype=torch.uint8)[begin:end]
    return whole.clone().view(_DTYPES[dtype]).reshape(shape)
