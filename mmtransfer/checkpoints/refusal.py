"""Why a file that is whole was not read: what it holds beside tensors, and what to do about it."""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from mmtransfer.checkpoints.archive import is_archive, members, pickled
from mmtransfer.checkpoints.plain import allowed_names

# Where checkpoints keep the tensors, the most frequent first.
WRAPPERS = ('state_dict', 'model', 'model_state_dict', 'model_state', 'net', 'network', 'params')
_FIRST_BYTES = {
    b'version https://git-lfs': 'the pointer of Git LFS, not the file itself: git lfs pull',
    b'<': 'a page of HTML or XML, perhaps an error of the server: download the file itself',
    b'{': 'a text in JSON: give the file with the weights',
    b'\x89HDF': 'a file in HDF5 (Keras): convert it to PyTorch',
    b'PK\x05\x06': 'an empty archive',
    b'\x1f\x8b': 'packed by gzip: unpack it',
}


def why_refused(file: BinaryIO, origin: str, error: Exception) -> str | None:
    """The message for a file that is whole but may not or cannot be read; None if it is damaged.

    Args:
        file: At its beginning. It is looked through, never loaded.
        origin: Its name.
        error: What torch said.
    """
    beginning = file.read(64)
    file.seek(0)
    for first, what in _FIRST_BYTES.items():
        if beginning.startswith(first):
            return f"'{origin}' is no checkpoint of PyTorch but {what}."
    if is_archive(beginning):
        names = members(file)
        if 'constants.pkl' in names:
            return (
                f"'{origin}' is a program of TorchScript. Save its tensors alone: "
                f"torch.save(torch.jit.load('{origin}').state_dict(), 'tensors.pth')"
            )
        if 'data.pkl' not in names:
            return (
                f"'{origin}' is an archive, but none of torch.save (it holds "
                f'{", ".join(names[:3])}). If it holds a checkpoint, unpack it.'
            )
        found = _look_through(io.BytesIO(pickled(file)))
    else:
        found = _look_through(file)
    if found.foreign:
        return _foreign(origin, found)
    if is_archive(beginning) or found.whole and isinstance(error, pickle.UnpicklingError):
        return (
            f"'{origin}' is written in a way that cannot be read safely (pickle protocol "
            f'{found.protocol}; {_short(error)}). It was refused; nothing in it was executed. '
            f'{_save(origin, found)}'
        )
    return None


@dataclass
class _Found:
    """What the pickles of a file name: foreign types and functions, texts, the highest protocol."""

    foreign: list[str]
    texts: set[str]
    protocol: int
    whole: bool


def _look_through(file: BinaryIO) -> _Found:
    """Go through the first pickles of a file without loading them, until one cannot be followed."""
    found = _Found([], set(), 0, False)
    known = allowed_names()
    try:
        for _ in range(5):  # a file of before torch 1.6 begins with five pickles
            for name in _names(file, found):
                if name not in known and name not in found.foreign:
                    found.foreign.append(name)
            found.whole = True
    except Exception:  # not a pickle, or no further one
        pass
    return found


def _names(file: BinaryIO, found: _Found) -> Iterator[str]:
    """What one pickle looks up by name; its texts and its protocol go to ``found``."""
    texts: list[str] = []  # in the order in which they are used
    memo: dict[int, str] = {}
    last = ''
    value: Any
    for operation, value, _ in pickletools.genops(file):
        if operation.name == 'PROTO':
            found.protocol = max(found.protocol, value)
        elif 'UNICODE' in operation.name:
            last = value
            texts.append(value)
            found.texts.add(value)
            continue
        elif operation.name in ('MEMOIZE', 'BINPUT', 'LONG_BINPUT', 'PUT'):
            memo[len(memo) if value is None else int(value)] = last
            continue
        elif operation.name in ('BINGET', 'LONG_BINGET', 'GET'):
            texts.append(memo.get(int(value), ''))
        elif operation.name in ('GLOBAL', 'INST'):
            yield _modern(value.replace(' ', '.'))
        elif operation.name == 'STACK_GLOBAL' and len(texts) > 1:
            yield _modern('.'.join(texts[-2:]))
        last = ''


def _modern(name: str) -> str:
    """A name as Python 3 has it: protocol 2 writes those of Python 2."""
    module, _, own = name.rpartition('.')
    return {'__builtin__': 'builtins', 'copy_reg': 'copyreg'}.get(module, module) + f'.{own}'


def _foreign(origin: str, found: _Found) -> str:
    names = ', '.join(found.foreign[:5]) + (' and others' if len(found.foreign) > 5 else '')
    return (
        f"'{origin}' holds more than tensors and plain data: {names}. That would run code when "
        f'loaded, so it was refused; nothing in it was executed. {_save(origin, found)}'
    )


def _save(origin: str, found: _Found) -> str:
    """How to save the tensors alone, as far as the file shows where they are."""
    key = next((f"['{key}']" for key in WRAPPERS if key in found.texts), '')
    tensors = 'tensors'
    if any(name.startswith('torch.nn.') for name in found.foreign):  # the module itself was saved
        tensors = "getattr(tensors, 'state_dict', lambda: tensors)()"
    return (
        'If you trust whoever wrote it, save the tensors alone once, which does run it: tensors = '
        f"torch.load('{origin}', map_location='cpu', weights_only=False){key}; "
        f"torch.save({tensors}, 'tensors.pth'). Your own training saves them as "
        'torch.save(model.state_dict(), path).'
    )


def _short(error: Exception) -> str:
    """The part of torch's message that says what it met."""
    text = ' '.join(str(error).split())
    _, _, reason = text.rpartition('WeightsUnpickler error: ')
    return reason.split(' Check the documentation')[0][:160]
