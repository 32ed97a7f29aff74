"""The messages that docs/troubleshooting.md quotes are messages of the package or of its tools."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / 'docs/troubleshooting.md').read_text(encoding='utf-8')
QUOTED = [
    message
    for line in PAGE.splitlines()
    if line.startswith('| `')
    for message in re.findall(r'`([^`]+)`', line.split('|')[1])
]


def texts() -> Iterator[str]:
    """Every text of the code, with … where a value is filled in."""
    for file in [*ROOT.glob('mmtransfer/**/*.py'), *ROOT.glob('tools/*.py')]:
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
            if isinstance(node, ast.JoinedStr):
                yield ''.join(v.value if isinstance(v, ast.Constant) else '…' for v in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


TEXTS = '\n'.join(texts())


def test_the_page_quotes_twenty_messages():
    assert len(QUOTED) >= 20


@pytest.mark.parametrize('message', QUOTED)
def test_quoted_messages_exist(message):
    parts = [part.strip(' ();') for part in message.split('…')]
    unknown = [part for part in parts if part not in TEXTS]
    assert not unknown
