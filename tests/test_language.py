"""One style of docstrings, and plain words."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [
    p for room in ('mmtransfer', 'benchmarks') for p in sorted(ROOT.joinpath(room).rglob('*.py'))
]
PAGES = [ROOT / 'README.md', *sorted(ROOT.glob('docs/*.md'))]
ROLE_OR_SINGLE = re.compile(r':[a-z]+:`|(?<!`)`(?!`)[^`\n]+(?<!`)`(?!`)')
OLD_WORDS = re.compile(r'\b(dearest|dearer|anew|forth and back)\b', re.IGNORECASE)


def docstrings(source: str) -> list[str]:
    """Of a module, its classes and its functions."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return [text for node in nodes if (text := ast.get_docstring(node))]


@pytest.mark.parametrize('file', SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_names_in_docstrings_stand_in_double_backticks(file):
    wrong = [m[0] for text in docstrings(file.read_text()) for m in ROLE_OR_SINGLE.finditer(text)]
    assert not wrong


@pytest.mark.parametrize('file', [*SOURCES, *PAGES], ids=lambda p: p.relative_to(ROOT).as_posix())
def test_words_are_plain(file):
    assert not OLD_WORDS.findall(file.read_text())


def test_both_are_found_where_they_are():
    wrong = '"""A `name`, :class:`Other` and ``this``."""'
    assert ROLE_OR_SINGLE.findall(docstrings(wrong)[0]) == ['`name`', ':class:`']
    assert OLD_WORDS.findall('The dearest, drawn anew.') == ['dearest', 'anew']
