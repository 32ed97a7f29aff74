import math

import pytest

from mmtransfer.report import (
    Page,
    Result,
    markdown_table,
    plain_table,
    remarks,
    report_page,
    result_table,
)

COST = {
    'params': dict(backbone=2_000_000, neck=0, head=0, total=3_500_000),
    'madds': dict(backbone=185_631_200, neck=0, head=0, total=1_250_000_000),
}


def test_markdown_aligns_figures_to_the_right_and_escapes_bars():
    table = markdown_table(['name', 'v'], [['a|b', '1'], ['c', '10']])
    assert table.splitlines() == [
        '| name |   v |',
        '| ---- | --: |',
        r'| a\|b |   1 |',
        '| c    |  10 |',
    ]


def test_plain_table_has_a_rule_under_the_header():
    assert plain_table(['n', 'mAP'], [['seed', '0.1']]).splitlines() == [
        'n     mAP',
        '----  ---',
        'seed  0.1',
    ]


def test_a_short_row_is_refused():
    with pytest.raises(ValueError, match='2 cells'):
        markdown_table(['a', 'b'], [['1']])


def test_result_table_shows_costs_shared_metrics_and_times():
    results = [
        Result('seed', COST, {'coco/bbox_mAP': 0.25, 'only_here': 1.0}, 0.0, 61.4),
        Result('adapted', COST, {'coco/bbox_mAP': 0.5}, 100.0, 62.0),
    ]
    header, rows = result_table(results)
    assert header[5:] == ['bbox_mAP', 'search s', 'fine-tune s']
    assert rows[0] == ['seed', '2.00M', '3.50M', '0.186G', '1.250G', '0.250', '0', '61']
    assert rows[1][-3:] == ['0.500', '100', '62']


@pytest.mark.parametrize('nothing', [{}, {'coco/bbox_mAP': math.nan}])
def test_a_test_that_found_nothing_is_said_so(nothing):
    results = [Result('seed', COST, nothing), Result('adapted', COST, {'coco/bbox_mAP': 0.5})]
    header, rows = result_table(results)
    assert header[5] == 'bbox_mAP' and [row[5] for row in rows] == ['-', '0.500']
    (remark,) = remarks(results)
    assert "test of 'seed' found nothing" in remark
    page = Page('Toy', (64, 64), {'stage1.layer0': 'k3e6'})
    assert remark in report_page(page, results)
    assert not remarks(results[1:]) and 'found nothing' not in report_page(page, results[1:])


def test_the_page_names_size_ops_and_commands():
    found = {'stage1.layer0': 'k3e6', 'stage1.layer1': 'skip', 'stage2.layer0': 'k7e3'}
    page = report_page(
        Page('Toy', (160, 192), found, ['python tools/train.py x.py']),
        [Result('adapted', COST, {'coco/bbox_mAP': 0.5})],
    )
    assert '192 x 160 (width x height)' in page
    assert '| stage1 | k3e6 skip |' in page and 'python tools/train.py x.py' in page
