import json
import math

import pytest

from mmtransfer.report.chain import (
    Member,
    chain_table,
    draw_chain,
    draw_chains,
    draw_transfer,
    read_chain,
)

CHAIN = [
    Member('[1, 1]', 2, 0.5, 0.31, {'coco/bbox_mAP_s': 0.2, 'coco/bbox_mAP': 0.31}),
    Member('[1, 2]', 3, 0.75, 0.33, {'coco/bbox_mAP_s': 0.25}, ((0.8, 0.32), (0.7, math.nan))),
    Member('[2, 2]', 4, 1.0, math.nan),
]


def test_a_table_with_the_metrics_by_size_that_there_are():
    lines = chain_table(CHAIN, 'coco/bbox_mAP', 'madds (G)').splitlines()
    cells = [[c.strip() for c in line.strip('|').split('|')] for line in lines]
    assert cells[0] == ['allocation', 'size', 'madds (G)', 'coco/bbox_mAP', 'AP small']
    assert cells[2] == ['[1, 1]', '2', '0.5', '0.3100', '0.2000']
    assert cells[3] == ['[1, 2]', '3', '0.75', '0.3300', '0.2500']
    assert cells[4] == ['[2, 2]', '4', '1', '-', '-']


def test_boxes_and_masks_have_columns_of_their_own():
    metrics = {'coco/bbox_mAP_l': 0.5, 'coco/segm_mAP_l': -1.0}
    header, _, row = chain_table([Member('[1]', 1, 1.0, 0.3, metrics)], 'm', 'c').splitlines()
    assert 'AP large (coco/bbox_mAP_l)' in header and 'AP large (coco/segm_mAP_l)' in header
    assert [c.strip() for c in row.strip('|').split('|')][-2:] == ['0.5000', '-']


def test_the_picture_shows_what_is_finite():
    axes = draw_chain(CHAIN, 'mAP', 'madds (G)').axes[0]
    assert axes.get_lines()[0].get_xydata().tolist() == [[0.5, 0.31], [0.75, 0.33]]
    assert axes.collections[0].get_offsets().tolist() == [[0.8, 0.32]]
    assert [t.get_text() for t in axes.texts] == ['[1, 2]', '[1, 1]']


def test_labels_keep_off_the_line():
    falling = [Member('a', 1, 1.0, 0.5), Member('b', 2, 2.0, 0.4), Member('c', 3, 3.0, 0.6)]
    texts = {t.get_text(): t for t in draw_chain(falling, 'mAP', 'madds (G)').axes[0].texts}
    assert {k: t.get_va() for k, t in texts.items()} == {'a': 'bottom', 'b': 'top', 'c': 'bottom'}


def test_several_chains():
    axes = draw_chains({'x': CHAIN, 'y': CHAIN[:1]}, 'mAP', 'madds (G)').axes[0]
    assert [line.get_xydata().tolist() for line in axes.get_lines()] == [
        [[0.5, 0.31], [0.75, 0.33]],
        [[0.5, 0.31]],
    ]
    shown = [t.get_text() for t in axes.get_legend().get_texts()]
    assert shown == ['x: to [2, 2]', 'y: to [1, 1]']


def test_a_chain_from_its_file(tmp_path):
    entry = dict(size=3, options=['1', '2'], score=0.3, cost=dict(madds=5e8, params=2e6))
    entries = [dict(entry, metrics={'m': 0.3}), dict(entry, score=None, metrics={})]
    (tmp_path / 'chain.json').write_text(json.dumps(entries))
    first, second = read_chain(tmp_path)
    assert first == Member('[1, 2]', 3, 0.5, 0.3, {'m': 0.3}) and math.isnan(second.score)
    assert read_chain(tmp_path, 'params', 1e6)[0].cost == 2.0
    with pytest.raises(ValueError, match="that .*chain.json has, madds, params; received 'latency"):
        read_chain(tmp_path, 'latency_ms', 1.0)
    with pytest.raises(ValueError, match='finished greedy search'):
        read_chain(tmp_path / 'none')


def test_source_against_target():
    points = {'a': (0.7, 0.8), 'b': (0.71, 0.79), 'c': (math.nan, 1.0)}
    axes = draw_transfer(points, 'source', 'target', named=1).axes[0]
    assert axes.collections[0].get_offsets().tolist() == [[0.7, 0.8], [0.71, 0.79]]
    assert [t.get_text() for t in axes.texts] == ['a']
    with pytest.raises(ValueError, match='at least one network'):
        draw_transfer({'c': (math.nan, 1.0)}, 'source', 'target')
