"""Tables, the report page, and how far a run has come: pure functions on plain values."""

from mmtransfer.report.page import Page, Result, remarks, report_page, result_table
from mmtransfer.report.progress import Position, clock, expected_work, read_position
from mmtransfer.report.tables import markdown_table, plain_table

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
