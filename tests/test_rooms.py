"""A room imports only from rooms above it, and the values need no torch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mmtransfer

PACKAGE = Path(mmtransfer.__file__).parent
ROOMS = (
    'limits', 'files', 'lock', 'architecture', 'space', 'checkpoints',
    'compat', 'registry', 'randomness', 'seeds', 'spaces', 'models',
    'blocks', 'cost', 'remap', 'backbones', 'digests', 'search', 'data', 'scoring', 'tasks',
    'report', 'hooks', 'engine', 'toy', 'tools',
)  # fmt: skip
FILES = sorted(PACKAGE.rglob('*.py'))


def imported_rooms(file: Path) -> Iterator[tuple[int, str]]:
    """Line and room of every import of the package in a file, those inside functions too."""
    package = (PACKAGE.name, *file.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
        targets: list[str] = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = '.'.join((*base, *filter(None, [node.module])))
            targets = [f'{module}.{alias.name}' for alias in node.names]
        for target in targets:
            parts = target.split('.')
            if parts[0] == PACKAGE.name and len(parts) > 1:
                yield node.lineno, parts[1]


@pytest.mark.parametrize('file', FILES, ids=lambda f: f.relative_to(PACKAGE).as_posix())
def test_imports_only_from_rooms_above(file):
    room = file.relative_to(PACKAGE).with_suffix('').parts[0]
    if room == '__init__':
        assert not list(imported_rooms(file))
        return
    assert room in ROOMS, f'{room} is no room; the rooms are {ROOMS}'
    below = ROOMS[ROOMS.index(room) + 1 :]
    wrong = [f'line {line}: {other}' for line, other in imported_rooms(file) if other in below]
    assert not wrong, f'{file.name} of {room} imports from rooms below it: {wrong}'


def test_the_parser_sees_every_kind_of_import(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), 'PACKAGE', tmp_path / 'mmtransfer')
    file = tmp_path / 'mmtransfer' / 'seeds' / 'x.py'
    file.parent.mkdir(parents=True)
    file.write_text(
        'import mmtransfer.cost.table\nfrom mmtransfer.remap import plan\nfrom .. import draw\n'
        'from ..engine import bn\nfrom .mbconv import SKIP\nfrom mmtransfer import search\n'
        'import torch\ndef f():\n    from ..tasks.x import y\n'
    )
    found = sorted(imported_rooms(file))
    rooms = ['cost', 'remap', 'draw', 'engine', 'seeds', 'search', 'tasks']
    assert [room for _, room in found] == rooms


@pytest.mark.parametrize(
    'modules', ['mmtransfer.architecture, mmtransfer.space', 'mmtransfer.seeds.namings']
)
def test_values_import_no_torch(modules):
    code = f'import sys, {modules}; print([m for m in ("torch", "mmengine") if m in sys.modules])'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
