"""A network as a value: a named space and one option for each of its choices.

An architecture is all that a search hands to an adaptation, beside a checkpoint. Its file is JSON:
it names the space, the seed and the rule that made the choices, so that the file alone is enough to
rebuild the network. This module knows the form of that file; whether the options belong to the
space is for ``mmtransfer.space.SearchSpace.check`` to say.
"""

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mmtransfer.files import write_atomically
from mmtransfer.limits import NAME, PATH, TEXT, listed, parse_json, repeated, short

_REQUIRED = ('format', 'space', 'fingerprint', 'seed', 'rule', 'options')
_OPTIONAL = ('cost', 'input_size', 'output_stride', 'provenance')


class ArchitectureError(ValueError):
    """An architecture, or its file, that cannot be what it says it is."""


@dataclass(frozen=True)
class Architecture:
    """One option per choice of a search space.

    Two architectures are equal when space, fingerprint and options are; the rest rides along.

    Args:
        space: Name of the space, such as ``'mbconv'``.
        fingerprint: Fingerprint of the space's choices and constraints.
        seed: What the space was built around: the name of a network, or a JSON object that says how
            to build one, which files have since format 2.
        rule: The keyword arguments that built the space from its seed; JSON values only.
        options: Choice name -> option, in the space's order. A mapping or pairs; kept as pairs.
        cost: What the backbone costs, such as ``{'madds': 2_000_000_000, 'params': 2_500_000}``.
        input_size: Height and width in pixels that the cost was counted at.
        output_stride: Of the backbone that the cost was counted for; None: 32.
        provenance: Where the architecture comes from; any JSON object.

    Raises:
        ArchitectureError: A value of the wrong type, or one that JSON cannot express.
    """

    space: str
    fingerprint: str
    seed: str | Mapping[str, Any] = field(compare=False)
    rule: Mapping[str, Any] = field(compare=False)
    options: tuple[tuple[str, str], ...]
    cost: Mapping[str, float] | None = field(default=None, compare=False)
    input_size: tuple[int, int] | None = field(default=None, compare=False)
    output_stride: int | None = field(default=None, compare=False)
    provenance: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        texts = {'space': self.space, 'fingerprint': self.fingerprint}
        if isinstance(self.seed, Mapping):
            object.__setattr__(self, 'seed', _json_object('seed', self.seed))
        else:
            texts['seed'] = self.seed
        for name, value in texts.items():
            _expect(isinstance(value, str), name, 'a string', value)
            _expect(len(value) <= NAME, name, f'a string of at most {NAME} characters', value)
        for name in ('rule', 'provenance'):
            object.__setattr__(self, name, _json_object(name, getattr(self, name)))
        if self.cost is not None:
            cost = _json_object('cost', self.cost)
            numbers = all(type(v) in (int, float) for v in cost.values())
            _expect(numbers, 'cost', 'an object of numbers', self.cost)
            object.__setattr__(self, 'cost', cost)
        if self.input_size is not None:
            object.__setattr__(self, 'input_size', _input_size(self.input_size))
        stride = self.output_stride
        holds = stride is None or type(stride) is int and stride > 0
        _expect(holds, 'output_stride', 'a positive number', stride)
        object.__setattr__(self, 'options', _pairs(self.options))

    @property
    def as_dict(self) -> dict[str, str]:
        """Choice name -> option, in order."""
        return dict(self.options)

    def __getitem__(self, choice: str) -> str:
        """The option of one choice: ``a['stage1.layer0'] == 'k3e6'``."""
        try:
            return self.as_dict[choice]
        except KeyError:
            known = ', '.join(name for name, _ in self.options)
            raise KeyError(f'no choice {choice!r}; the choices are {known}') from None

    def replace(self, **changes: Any) -> 'Architecture':
        """The same architecture with other values for the named fields."""
        return dataclasses.replace(self, **changes)

    def to_json(self) -> str:
        """The text of an architecture file: one line per key, one per option."""
        values = {
            'format': _format_of(self.seed),
            **{f.name: getattr(self, f.name) for f in dataclasses.fields(self)},
        }
        options = (f'    {json.dumps(name)}: {json.dumps(option)}' for name, option in self.options)
        texts = {key: json.dumps(value) for key, value in values.items()}
        texts['options'] = '{\n' + ',\n'.join(options) + '\n  }' if self.options else '{}'
        return '{\n' + ',\n'.join(f'  "{key}": {text}' for key, text in texts.items()) + '\n}\n'

    def write(self, path: str | os.PathLike) -> None:
        """Write the file, whole or not at all."""
        write_atomically(self.to_json(), path)

    @classmethod
    def from_json(cls, text: str, source: str = '<text>') -> 'Architecture':
        """Read the text of an architecture file; only its form is checked.

        Args:
            text: JSON as ``to_json`` writes it.
            source: What to call the text in errors, usually the file's path.

        Raises:
            ArchitectureError: Not whole JSON, another format version, a missing or unknown key, or
                a value of the wrong type.
        """
        try:
            data = parse_json(text)
        except json.JSONDecodeError as error:
            raise ArchitectureError(
                f'{source} must be a whole JSON file; reading stopped at line {error.lineno}, '
                f'column {error.colno} of {len(text)} characters ({error.msg}). It is truncated or '
                f'was edited: write it again with `python tools/derive.py CONFIG CHECKPOINT -o '
                f'FILE`.'
            ) from None
        except ValueError as error:
            raise ArchitectureError(
                f'{source} must hold an architecture: {error}. Correct it, or derive it again.'
            ) from None
        if not isinstance(data, dict):
            raise ArchitectureError(
                f'{source} must hold a JSON object with the keys {_quoted(_REQUIRED + _OPTIONAL)}; '
                f'received {short(data)}. Is it another kind of file?'
            )
        _check_keys(data, source)
        try:
            del data['format']
            return cls(**data)
        except ArchitectureError as error:
            raise ArchitectureError(f'{source}: {error}') from None

    @classmethod
    def from_content(cls, content: Mapping[str, Any], source: str) -> 'Architecture':
        """Read what an architecture file holds from a mapping, see ``from_json``."""
        try:
            text = json.dumps(dict(content))
        except (TypeError, ValueError, RecursionError) as error:
            raise ArchitectureError(
                f'{source} must hold JSON values only; received: {error}'
            ) from None
        return cls.from_json(text, source)

    @classmethod
    def read(cls, path: str | os.PathLike) -> 'Architecture':
        """Read an architecture file; only its form is checked, see ``from_json``."""
        name = os.fspath(path)
        _expect(len(name) <= PATH, 'path', f'a path of at most {PATH} characters', name)
        try:
            with open(name, 'rb') as file:
                data = file.read(TEXT + 1)
            if len(data) > TEXT:
                raise ValueError('a larger file')
            text = data.decode('utf-8')
        except FileNotFoundError:
            raise ArchitectureError(
                f'there is no architecture file {short(name)}. A search writes it: run '
                f'`python tools/train.py <search config>` first, or correct the path.'
            ) from None
        except (OSError, ValueError) as error:  # ValueError: no UTF-8, or no name of a file
            raise ArchitectureError(
                f'{short(name)} must be a readable text file of at most {TEXT:,} bytes; received: '
                f'{short(str(error))}. Give the path of an architecture.json, not of a checkpoint '
                f'or of a folder.'
            ) from None
        return cls.from_json(text, source=name)


def unfinished(what: str, notes: Mapping[str, Any]) -> str:
    """A warning for whoever adapts from a search that has not ended; empty where it has.

    Args:
        what: What comes from it: ``'the architecture is'``.
        notes: An architecture's provenance, or what a checkpoint says of its search. Where they say
            nothing of an end, as in files of the first versions, there is nothing to warn of.
    """
    if notes.get('finished', True):
        return ''
    return (
        f'{what} of a search that has not finished: epoch {notes.get("epoch", "?")} of '
        f'{notes.get("max_epochs", "?")}. What it finds may still change; finish it with '
        f'`python tools/train.py <search config> --resume` and adapt from its end.'
    )


def _check_keys(data: Mapping[str, Any], source: str) -> None:
    wanted = _format_of(data.get('seed'))
    found = data.get('format', wanted)
    if type(found) is not int or found != wanted:
        raise ArchitectureError(
            f'{source} must be of format {wanted}; received format {short(found)}. '
            f'Another version of mmtransfer wrote it: use that version, or derive the file again '
            f'with this one.'
        )
    unknown = [key for key in data if key not in _REQUIRED + _OPTIONAL]
    missing = [key for key in _REQUIRED if key not in data]
    if unknown or missing:
        raise ArchitectureError(
            f'{source} must have the keys {_quoted(_REQUIRED)}, and may have {_quoted(_OPTIONAL)}; '
            + (f'unknown: {_quoted(unknown)}' if unknown else '')
            + ('; ' if unknown and missing else '')
            + (f'missing: {_quoted(missing)}' if missing else '')
            + '. Correct the names, or derive the file again.'
        )


def _format_of(seed: Any) -> int:
    """The first format whose readers know such a seed."""
    return 2 if isinstance(seed, Mapping) else 1


def _expect(holds: bool, name: str, expected: str, received: Any) -> None:
    if not holds:
        raise ArchitectureError(f'{name!r} must be {expected}; received {short(received)}')


def _json_object(name: str, value: Any) -> dict[str, Any]:
    """A private copy of JSON values only, so that a round trip through a file is the identity."""
    _expect(isinstance(value, Mapping), name, 'an object', value)
    try:
        return parse_json(json.dumps(dict(value), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ArchitectureError(f'{name!r} must hold JSON values only; received: {error}') from None


def _input_size(value: Any) -> tuple[int, int]:
    size = tuple(value) if isinstance(value, (list, tuple)) else ()
    holds = len(size) == 2 and all(type(v) is int and v > 0 for v in size)
    _expect(holds, 'input_size', '[height, width] in pixels', value)
    return size


def _pairs(options: Any) -> tuple[tuple[str, str], ...]:
    _expect(isinstance(options, (Mapping, Iterable)), 'options', 'choice -> option', options)
    items = options.items() if isinstance(options, Mapping) else options
    pairs = tuple(tuple(item) if isinstance(item, (list, tuple)) else (item,) for item in items)
    for pair in pairs:
        holds = len(pair) == 2 and all(isinstance(text, str) for text in pair)
        _expect(holds, 'options', 'choice -> option, both strings', pair)
        holds = max(map(len, pair)) <= NAME
        _expect(holds, 'options', f'strings of at most {NAME} characters', pair)
    twice = repeated(name for name, _ in pairs)
    _expect(not twice, 'options', 'one option per choice', f'several for {_quoted(twice)}')
    return pairs


def _quoted(names: Iterable[str]) -> str:
    return listed(repr(name) for name in names)
