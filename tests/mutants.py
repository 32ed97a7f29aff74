"""Architecture files and names with something wrong in them: ``python -m tests.mutants 10000``."""

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmtransfer.architecture import ArchitectureError
from mmtransfer.spaces import (
    allocation,
    depth_space,
    mbconv_space,
    read_architecture,
    residual_space,
    seed_architecture,
)

SOUND = [
    architecture.replace(
        cost={'madds': 5, 'params': 2.5}, input_size=(8, 9), provenance={'search': ['x', {}]}
    ).to_json()
    for architecture in (
        seed_architecture('fbnet_c'),
        mbconv_space('mobilenet_v2', min_layers=2).sample(random.Random(0)),
        residual_space('resnet50').sample(random.Random(1)),
        residual_space('se_resnext50').sample(random.Random(2)),
        depth_space('mobilenet_v2', [5, 6, 8, 7, 7]).sample(random.Random(3)),
        allocation('resnet50', [1, 3, 7, 5]),
    )
]
NAMES = ['resnet50:1,3,7,5', 'mobilenet_v2:1,2,3,2,2', 'efficientnet_lite0', 'no/such/file.json']
NUMBERS = [0, -1, 1, 7, 300, 10**9, 10**18, 1.5, -0.0, 1e308, True, None]
TEXTS = ['', 'k3e6', 'skip', 'k9g1w4s16n2', 'k3e' + '9' * 30, '\ud800', 'x' * 3000, 'mbconv']
# Bytes that make a text of another shape.
PIECES = ['{', '}', '[', ']', '"', ',', ':', '\\', '\0', 'NaN', '1e999', '9' * 5000, '[' * 3000,
          '{"a":' * 500, '[],' * 8000, '\ud7ff', '-', '\\ud800', '//']  # fmt: skip


def of_text(text: str, rng: random.Random) -> bytes:
    """The text with one to three cuts, copies, changed bytes or pieces put in."""
    data = bytearray(text.encode())
    for _ in range(rng.randint(1, 3)):
        at, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        kind = rng.randrange(4)
        if kind == 0:
            del data[at : at + rng.choice((1, 2, end - at))]
        elif kind == 1:
            data[at:at] = data[at:end] * rng.choice((1, 2, 50))
        elif kind == 2 and data:
            data[min(at, len(data) - 1)] = rng.randrange(256)
        else:
            data[at:at] = rng.choice(PIECES).encode()
    return bytes(data)


def of_value(text: str, rng: random.Random) -> bytes:
    """The text of the same object with one to three values or keys replaced at any depth."""
    content = json.loads(text)
    for _ in range(rng.randint(1, 3)):
        node = content
        while isinstance(node, (dict, list)) and node:
            key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
            if not isinstance(node[key], (dict, list)) or not node[key] or rng.random() < 0.3:
                if isinstance(node, dict) and rng.random() < 0.2:
                    node[rng.choice([*TEXTS, key + 'x'])] = node.pop(key)
                else:
                    node[key] = value(rng)
                break
            node = node[key]
    return json.dumps(content).encode()


def of_rule(text: str, rng: random.Random) -> bytes:
    """The text of the same object but for its rule, and at times its seed or kind of space."""
    content, other = json.loads(text), json.loads(rng.choice(SOUND))
    rule = content['rule'] = {**content['rule'], **(other['rule'] if rng.random() < 0.2 else {})}
    key = rng.choice([*rule, 'layers', 'max_blocks', 'ops', 'restrict', 'min_layers', 'seed'])
    listed = [rng.choice((1, 2, 3, 256, 257, 10**6)) for _ in range(rng.choice((4, 5, 6)))]
    rule[key] = rng.choice((listed, value(rng), [value(rng)] * 6, {'stage1.layer1': value(rng)}))
    for key in ('seed', 'space'):
        content[key] = other[key] if rng.random() < 0.2 else content[key]
    return json.dumps(content).encode()


def value(rng: random.Random) -> Any:
    """A JSON value of any kind, some of them large."""
    kind = rng.randrange(6)
    if kind < 2:
        return rng.choice(NUMBERS)
    if kind == 2:
        return rng.choice(TEXTS)
    if kind == 3:
        return [rng.choice(NUMBERS + TEXTS)] * rng.choice((0, 1, 4, 6, 2000))
    if kind == 4:
        return {str(n): rng.choice(NUMBERS + TEXTS) for n in range(rng.choice((0, 1, 1000)))}
    found: Any = []
    for _ in range(rng.choice((1, 10, 400))):
        found = [found]
    return found


def of_name(rng: random.Random) -> str:
    """A name with something wrong in it."""
    return of_text(rng.choice(NAMES), rng).decode(errors='surrogateescape')


def mutants(count: int, seed: int, folder: Path) -> Iterator[Any]:
    """What may be given in place of an architecture: paths, objects and names."""
    rng = random.Random(seed)
    file = folder / 'mutant.json'
    of: Callable[[str, random.Random], bytes]
    for _ in range(count):
        of = rng.choice((of_text, of_value, of_rule))
        data = of(rng.choice(SOUND), rng)
        file.write_bytes(data)
        kind = rng.randrange(8)
        if kind == 0:
            yield of_name(rng)
        elif kind == 1 and of is not of_text and len(data) < 10**6:
            yield json.loads(data)
        else:
            yield file


def read_all(count: int, seed: int, folder: Path) -> tuple[Counter[str], float]:
    """How reading ended, by the name of the error; and the most processor seconds that it took.

    Raises:
        Exception: Whatever comes out beside an ArchitectureError.
    """
    ends, longest = Counter[str](), 0.0
    for source in mutants(count, seed, folder):
        began = time.thread_time()
        try:
            read_architecture(source)
            end = 'read'
        except ArchitectureError as error:
            end = type(error).__name__
            assert 20 < len(str(error)) < 10_000, f'an error of {len(str(error)):,} characters'
        longest = max(longest, time.thread_time() - began)
        ends[end] += 1
    return ends, longest


if __name__ == '__main__':
    with TemporaryDirectory() as made:
        print(*read_all(int(sys.argv[1]), 0, Path(made)), 'seconds at most')
