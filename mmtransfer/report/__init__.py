"""Tables, the report page, and how far a run has come: pure functions on plain values."""

from .page import Page, Result, remarks, report_page, result_table
from .progress import Position, clock, expected_work, read_position
from .tables import markdown_table, plain_table

__all__ = [
    'Page',
    'Position',
    'Result',
    'clock',
    'expected_work',
    'markdown_table',
    'plain_table',
    'read_position',
    'remarks',
    'report_page',
    'result_table',
]
