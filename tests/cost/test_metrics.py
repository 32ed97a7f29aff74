import dataclasses

import pytest

from mmtransfer.cost import cost_table
from mmtransfer.cost.latency import LatencyTableError, write_latency
from mmtransfer.cost.metrics import say
from mmtransfer.cost.table import table_for
from tests.cost.test_latency import SIZE, SPACE, STAMP, made_up


@pytest.mark.parametrize('metric', ['madds', 'params'])
def test_counted_tables(metric):
    cfg = dict(input_size=list(SIZE), metric=metric, max_epochs=1)
    assert table_for(cfg, SPACE) == cost_table(SPACE, SIZE, metric)


def test_multiply_adds_are_the_default():
    assert table_for(dict(input_size=SIZE), SPACE).metric == 'madds'


def test_the_output_stride_reaches_the_table():
    assert table_for(dict(input_size=SIZE), SPACE, 16) == cost_table(SPACE, SIZE, 'madds', 16)


def test_the_latency_table_of_a_file(tmp_path):
    write_latency(tmp_path / 'a.json', made_up(), STAMP)
    cfg = dict(input_size=SIZE, metric='latency', latency_table=str(tmp_path / 'a.json'))
    assert table_for(cfg, SPACE) == made_up()
    with pytest.raises(LatencyTableError, match='output_stride = 16'):
        table_for(cfg, SPACE, 16)
    with pytest.raises(LatencyTableError, match='input_size'):
        table_for(dict(cfg, input_size=(32, 32)), SPACE)


def test_another_batch_must_be_asked_for(tmp_path):
    path = str(tmp_path / 'a.json')
    write_latency(path, made_up(), dataclasses.replace(STAMP, batch=8, dtype='bfloat16'))
    cfg = dict(input_size=SIZE, metric='latency', latency_table=path)
    with pytest.raises(LatencyTableError, match="dtype = 'float32'"):
        table_for(cfg, SPACE)
    cfg['latency_table'] = dict(file=path, batch=8, dtype='bfloat16')
    assert table_for(cfg, SPACE) == made_up()


@pytest.mark.parametrize('name', ['input_size', 'output_stride', 'path', 'space', 'colour'])
def test_what_is_the_searchs_own_or_unknown_cannot_be_asked_for(name, tmp_path):
    path = str(tmp_path / 'a.json')
    write_latency(path, made_up(), STAMP)
    with pytest.raises(LatencyTableError, match=rf'may (not )?ask for .*{name}'):
        source = {'file': path, name: 32}
        table_for(dict(input_size=SIZE, metric='latency', latency_table=source), SPACE)


def test_wrong_settings_are_refused():
    with pytest.raises(LatencyTableError, match=r'latency_table=FILE.*measure_latency.py CONFIG'):
        table_for(dict(input_size=SIZE, metric='latency'), SPACE)
    with pytest.raises(ValueError, match="metric='latency'; received 'a.json' with metric 'madds'"):
        table_for(dict(input_size=SIZE, latency_table='a.json'), SPACE)
    with pytest.raises(ValueError, match="madds, params, latency; received 'flops'"):
        table_for(dict(input_size=SIZE, metric='flops'), SPACE)
    with pytest.raises(LatencyTableError, match=r"dict\(file=PATH.*received \{'batch': 8\}"):
        table_for(dict(input_size=SIZE, metric='latency', latency_table=dict(batch=8)), SPACE)


def test_costs_in_words():
    assert say('madds', 4_847_148_800) == '4,847,148,800 multiply-adds'
    assert say('params', 1_811_712) == '1,811,712 parameters'
    assert say('latency', 12.3456) == '12.35 ms'
