"""Rows of text as a table, for Markdown and for the terminal."""

from collections.abc import Sequence


def _checked(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[str]]:
    for row in rows:
        if len(row) != len(header):
            raise ValueError(
                f'every row must have the {len(header)} cells of the header {list(header)}; '
                f'received {list(row)}.'
            )
    return [list(header), *(list(row) for row in rows)]


def _padded(lines: list[list[str]], at_least: int = 1) -> list[list[str]]:
    """Cells of equal width per column: the first column to the left, figures to the right."""
    widths = [max(at_least, *(len(line[i]) for line in lines)) for i in range(len(lines[0]))]
    return [
        [c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))]
        for line in lines
    ]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are aligned to the right.

    Args:
        header: One title per column.
        rows: One cell of text per column; ``|`` is escaped.

    Raises:
        ValueError: A row has more or fewer cells than the header.
    """
    lines = _checked(header, rows)
    lines = _padded([[cell.replace('|', r'\|') for cell in line] for line in lines], 3)
    rule = ['-' * len(lines[0][0]), *('-' * (len(cell) - 1) + ':' for cell in lines[0][1:])]
    return '\n'.join(f'| {" | ".join(line)} |' for line in [lines[0], rule, *lines[1:]])


def plain_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same for the terminal: columns separated by two spaces, a rule under the header."""
    lines = _padded(_checked(header, rows))
    rule = ['-' * len(cell) for cell in lines[0]]
    return '\n'.join('  '.join(line).rstrip() for line in [lines[0], rule, *lines[1:]])
