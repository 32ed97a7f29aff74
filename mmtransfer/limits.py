"""How large an architecture from outside may be: a file, a name or part of a config.

What lies beyond is refused before it takes time or memory. Published networks stay far below: the
deepest ResNet has 36 blocks in a stage, a layer of FNA++ chooses from 7 ops, and the file of an
architecture takes 1 to 5 kB.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

TEXT = 2**16  # characters of an architecture file
NAME = 200  # characters of the name of a space, seed, choice or option
PATH = 4096  # characters of a file's name, as on Linux
DEPTH = 16  # brackets within brackets
NUMBER = 25  # characters of a number: any integer of 64 bits, any float
BLOCKS = 256  # blocks of a stage
OPS = 64  # ops that a layer may choose from
KERNEL = 99  # size of a kernel
FACTOR = 4096  # expansion, groups, width of a group, ratio of squeeze-and-excitation

# Strings, whole or cut off, and what else lies between brackets.
_NO_BRACKETS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[^][{}"]+', re.DOTALL)


def parse_json(text: str) -> Any:
    """The value of a JSON text within ``TEXT``, ``DEPTH`` and ``NUMBER``.

    Raises:
        json.JSONDecodeError: It is not JSON.
        ValueError: It is larger than that, names a key twice, or holds a number that is not finite.
    """
    if len(text) > TEXT:
        raise ValueError(f'it must have at most {TEXT:,} characters; received {len(text):,}')
    depth = 0
    for mark in _NO_BRACKETS.sub('', text):
        depth += 1 if mark in '[{' else -1
        if depth > DEPTH:
            raise ValueError(f'brackets may stand {DEPTH} deep within each other; received more')
    return json.loads(
        text,
        object_pairs_hook=_unique,
        parse_int=_integer,
        parse_float=_float,
        parse_constant=_not_finite,
    )


def whole_number(text: str, limit: int) -> int | None:
    """The number that these decimal digits make; None if they make none of 1 to ``limit``."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(limit))):
        return None
    return number if 1 <= (number := int(text)) <= limit else None


def short(value: Any) -> str:
    """A value in an error message: its beginning and end where it is long."""
    text = repr(value[: 2 * NAME] if isinstance(value, str) else value)
    return text if len(text) <= NAME else f'{text[: NAME - 20]}...{text[-10:]}'


def listed(names: Iterable[Any]) -> str:
    """Names in an error message, the first of them where they are many."""
    found = [str(name)[:NAME] for name in names]
    return ', '.join(found[:40]) + (f' and {len(found) - 40} more' if len(found) > 40 else '')


def repeated(names: Iterable[str]) -> list[str]:
    """The names that occur more than once, sorted."""
    return sorted(name for name, count in Counter(names).items() if count > 1)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = listed(map(repr, repeated(name for name, _ in pairs)))
        raise ValueError(f'every key must occur once; {twice} occur twice: keep one')
    return found


def _integer(text: str) -> int:
    return int(_bounded(text))


def _float(text: str) -> float:
    number = float(_bounded(text))
    if number in (float('inf'), float('-inf')):
        _not_finite(text)
    return number


def _bounded(text: str) -> str:
    if len(text) > NUMBER:
        raise ValueError(f'a number may have {NUMBER} characters; received {short(text)}')
    return text


def _not_finite(text: str) -> None:
    raise ValueError(f'numbers must be finite; received {text}')
