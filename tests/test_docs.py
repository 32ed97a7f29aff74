"""The pages: lines, links and anchors; the messages that docs/troubleshooting.md quotes exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = {p: p.read_text(encoding='utf-8') for p in [ROOT / 'README.md', *ROOT.glob('docs/*.md')]}
QUOTED = [
    message
    for line in PAGES[ROOT / 'docs/troubleshooting.md'].splitlines()
    if line.startswith('- `')
    for message in re.findall(r'`([^`]+)`', line)
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


def anchors(text: str) -> set[str]:
    """What a link may name after the #, as GitHub makes it of the headings."""
    text = re.sub(r'^```.*?^```', '', text, flags=re.M | re.S)
    headings = re.findall(r'^#+ (.*)', text, re.M)
    return {re.sub(r'[^\w\- ]', '', heading).lower().replace(' ', '-') for heading in headings}


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page):
    for link in re.findall(r'\]\(([^)]+)\)', PAGES[page]):
        if '://' not in link:
            name, _, anchor = link.partition('#')
            target = page.parent / name if name else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(PAGES[target.resolve()]), link


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_lines_have_120_characters_at_most(page):
    assert [line for line in PAGES[page].splitlines() if len(line) > 120] == []


def test_every_page_can_be_reached_from_the_readme():
    reached, left = set(), [ROOT / 'README.md']
    while left:
        page = left.pop()
        reached.add(page)
        linked = re.findall(r'\]\(([\w/.-]+\.md)', PAGES.get(page, ''))
        left += [p for name in linked if (p := (page.parent / name).resolve()) not in reached]
    assert len(PAGES) > 10 and set(PAGES) <= reached


def test_the_readme_shows_a_search_config_as_it_is():
    config = (ROOT / 'configs/fna/faster-rcnn_mbv2_search.py').read_text(encoding='utf-8')
    assert f'```python\n{config}```' in PAGES[ROOT / 'README.md']


def test_the_readme_shows_python_that_runs(monkeypatch):
    code = (
        PAGES[ROOT / 'README.md'].split('## In Python')[1].split('```python\n')[1].split('```')[0]
    )
    names: dict = {}
    monkeypatch.chdir(ROOT)
    exec(code, names)
    found = names['table'].of(names['backbone'].architecture)
    assert found == 4_823_403_200  # FNA's RetinaNet: 4.82 G in the paper
