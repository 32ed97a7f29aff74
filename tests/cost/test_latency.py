import dataclasses
import json
import math
import random

import pytest
import torch

from mmtransfer.cost.latency import (
    LatencyTableError,
    latency_table,
    read_latency,
    stamp_here,
    write_latency,
)
from mmtransfer.search import Target, TargetError, derive
from mmtransfer.spaces import mbconv_space, seed_architecture

SPACE = mbconv_space('mobilenet_v2')
SIZE = (64, 96)
STAMP = stamp_here(SPACE, SIZE)
ASKED = dict(dtype='float32', batch=1, input_size=SIZE, output_stride=32)


def made_up(space=SPACE):
    """0.25 ms and what is not searched; an option takes kernel x expansion hundredths of a ms."""
    entries = {
        c.name: {o: 0.0 if o == 'skip' else int(o[1]) * int(o[3]) / 100 for o in c.options}
        for c in space.choices
    }
    return latency_table(space, SIZE, 0.25, entries)


@pytest.fixture
def path(tmp_path):
    write_latency(tmp_path / 'deep' / 'latency.json', made_up(), STAMP)
    return tmp_path / 'deep' / 'latency.json'


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_round_trip(path):
    table, stamp = read_latency(path, SPACE, **ASKED)
    assert table == made_up() and table.metric == 'latency'
    assert stamp == STAMP
    assert stamp.torch == str(torch.__version__) and stamp.threads == torch.get_num_threads()
    assert [p.name for p in path.parent.iterdir()] == ['latency.json']


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('device_name', 'another processor'),
        ('torch', '1.0.0'),
        ('fingerprint', '0' * 16),
        ('dtype', 'float16'),
        ('batch', 8),
        ('input_size', (96, 64)),
        ('output_stride', 16),
    ],
)
def test_another_stamp_is_refused_by_field(tmp_path, field, value):
    path = tmp_path / 'a.json'
    write_latency(path, made_up(), dataclasses.replace(STAMP, **{field: value}))
    with pytest.raises(LatencyTableError) as error:
        read_latency(path, SPACE, **ASKED)
    text = str(error.value)
    assert f'{field} = {getattr(STAMP, field)!r}' in text and repr(value) in text
    assert f'python tools/measure_latency.py CONFIG -o {path}' in text


def test_threads_and_layout_count_where_they_are_asked_for(path):
    read_latency(path, SPACE, threads=STAMP.threads, channels_last=False)
    with pytest.raises(LatencyTableError, match=f'threads = {STAMP.threads + 1}'):
        read_latency(path, SPACE, threads=STAMP.threads + 1)
    with pytest.raises(LatencyTableError, match='channels_last = True'):
        read_latency(path, SPACE, channels_last=True)
    with pytest.raises(LatencyTableError, match="fields of a stamp.*received 'threds'"):
        read_latency(path, SPACE, threds=1)


def test_a_table_of_a_card_that_is_not_here_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    card = dataclasses.replace(STAMP, device='cuda', device_name='A Card')
    write_latency(tmp_path / 'a.json', made_up(), card)
    with pytest.raises(LatencyTableError, match="device_name = 'none'.*'A Card'"):
        read_latency(tmp_path / 'a.json', SPACE, **ASKED)


@pytest.mark.parametrize('time', [math.nan, math.inf, -1.0, 0.0, True, '1.0', None])
def test_times_must_be_finite_and_positive(path, time):
    edit(path, lambda c: c['entries']['stage2.layer0'].update(k5e6=time))
    with pytest.raises(LatencyTableError, match=r'finite and positive.*stage2.layer0/k5e6'):
        read_latency(path, SPACE)
    with pytest.raises(LatencyTableError, match='finite and positive'):
        write_latency(path, dataclasses.replace(made_up(), fixed=time), STAMP)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda c: c.update(fixed=0), 'fixed is 0'),
        (lambda c: c['entries']['stage1.layer1'].update(skip=0.1), 'stage1.layer1/skip is 0.1'),
        (lambda c: c['entries']['stage1.layer1'].pop('k3e3'), 'missing or unknown'),
        (lambda c: c['entries'].pop('stage1.layer1'), 'missing or unknown'),
        (lambda c: c.update(entries=[]), 'missing or unknown'),
        (lambda c: c.update(format=2), 'format 1'),
        (lambda c: c.update(unit='s'), "unit 'ms'"),
        (lambda c: c.pop('stamp'), 'the keys format, unit, stamp'),
        (lambda c: c['stamp'].pop('torch'), 'must have the fields device, '),
        (lambda c: c['stamp'].update(device='tpu'), "'cpu' or 'cuda'; .* says 'tpu'"),
    ],
)
def test_broken_tables_are_refused(path, change, message):
    edit(path, change)
    with pytest.raises(LatencyTableError, match=message):
        read_latency(path, SPACE)


def test_a_missing_and_a_truncated_file(path):
    with pytest.raises(LatencyTableError, match=r'no latency table.*measure_latency.py'):
        read_latency(path.with_name('none.json'), SPACE)
    path.write_text(path.read_text()[:200])
    with pytest.raises(LatencyTableError, match='whole JSON file'):
        read_latency(path, SPACE)


def test_a_failed_write_leaves_the_old_file(path):
    before = path.read_text()
    with pytest.raises(TypeError):
        write_latency(path, made_up(), dataclasses.replace(STAMP, batch={1}))
    assert path.read_text() == before
    assert [p.name for p in path.parent.iterdir()] == ['latency.json']


def test_the_order_in_the_file_does_not_matter(path):
    def turn(content):
        rows = reversed(content['entries'].items())
        content['entries'] = {name: dict(reversed(row.items())) for name, row in rows}

    p = {c.name: torch.arange(len(c.options)) / 10 for c in SPACE.choices}
    edit(path, turn)
    assert read_latency(path, SPACE)[0].expected(p) == made_up().expected(p)


def test_sums_by_hand():
    table = made_up()
    # The seed has 16 searched layers, all k3e6 of 0.18 ms.
    assert table.of(seed_architecture('mobilenet_v2')) == pytest.approx(0.25 + 16 * 0.18)
    low, high = table.bounds()  # 6 layers of k3e3; 21 of k7e6
    assert low == pytest.approx(0.25 + 6 * 0.09) and high == pytest.approx(0.25 + 21 * 0.42)
    p = {c.name: torch.full((len(c.options),), 1 / len(c.options)) for c in SPACE.choices}
    total = 0.01 * (3 + 5 + 7) * (3 + 6)  # of one layer's options
    assert table.expected(p).item() == pytest.approx(6 * total / 6 + 15 * total / 7)


@pytest.mark.parametrize('wanted', [1.0, 3.0, 8.0])
def test_derive_meets_a_target_in_milliseconds(wanted):
    rng, table = random.Random(0), made_up()
    p = {c.name: [rng.random() + 0.01 for _ in c.options] for c in SPACE.choices}
    found = derive(SPACE, p, table, Target(wanted, 0.02))
    assert abs(table.of(found) / wanted - 1) <= 0.02


def test_a_target_out_of_reach_is_told_in_milliseconds():
    with pytest.raises(TargetError, match=r'0\.79 ms and 9\.07 ms; received 20 ms'):
        Target(20).check(made_up())
