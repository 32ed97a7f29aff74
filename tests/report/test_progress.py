import pytest

from mmtransfer.report import Position, clock, expected_work, read_position

LINE = '11/21 05:20:01 - mmengine - INFO - Epoch(train)  [3][ 20/128]  base_lr: 1e-3 eta: 0:00:23'


COUNTED = '11/21 05:20:01 - mmengine - INFO - Iter(train) [  50/2000]  base_lr: 1e-3 eta: 0:00:23'


def test_position_of_a_log_line():
    assert read_position(LINE) == Position('train', 3, 20, 128)
    assert read_position(COUNTED) == Position('train', None, 50, 2000)
    assert read_position('Epoch(test) [ 50/100]    eta: 0:00:03').mode == 'test'
    assert read_position('Saving checkpoint at 3 epochs') is None
    assert str(read_position(LINE)) == 'epoch 3, iteration 20/128'
    assert str(read_position(COUNTED)) == 'iteration 50/2000'


def test_the_share_that_is_done():
    assert read_position(LINE).share(dict(max_epochs=4)) == (2 + 20 / 128) / 4
    assert read_position(COUNTED).share(dict(max_iters=2000)) == 0.025
    assert read_position(COUNTED).share(dict(max_epochs=4)) == 0.025  # logged by iterations


def test_the_length_of_the_data():
    search = dict(max_epochs=10, arch_begin=6, split=dict(arch=0.2))
    assert read_position(LINE).length(dict(max_epochs=4)) == 128
    assert read_position(LINE).length(search) == 128 / 0.8
    assert read_position(COUNTED).length(search) == 200 / 0.8
    own = search | dict(split=dict(arch=dict(type='CocoDataset')))
    assert read_position(LINE).length(own) == 128
    assert read_position(COUNTED).length(dict(max_iters=2000)) is None


def test_expected_work_counts_passes_over_all_data():
    assert expected_work(dict(max_epochs=12)) == 12
    search = dict(max_epochs=10, arch_begin=6, split=dict(arch=0.5), alternation=(1, 1))
    assert expected_work(search) == 0.5 * (10 + 4 * 3.0)
    assert expected_work(search, share=0.2) == 1.0
    assert expected_work(search | dict(alternation=(1, 5))) == 0.5 * (10 + 4 * 3.0 / 5)
    own = dict(max_epochs=10, split=dict(arch=0.5), searcher=dict(arch_begin=6))
    assert expected_work(own) == expected_work(search)


def test_expected_work_counts_candidates():
    search = dict(max_epochs=10, arch_begin=None, split=dict(arch=0.4), searcher=dict(candidates=9))
    assert expected_work(search) == pytest.approx(0.6 * 10 + 9 * 2 / 3 * 0.4)
    assert expected_work(search, share=0.2) == 1.2
    search['searcher'] = dict(population=3, generations=3)
    assert expected_work(search) == pytest.approx(0.6 * 10 + 9 * 2 / 3 * 0.4)
    search['searcher'] = dict(type='mmtransfer.GreedyBlockSearcher', blocks=16)
    assert expected_work(search) == 0.6 * 10
    del search['arch_begin']
    assert expected_work(search) == 0.6 * 10


def test_expected_work_of_a_training_that_counts_iterations():
    """It follows from the length of its data, whatever they are."""
    assert expected_work(dict(max_iters=1860), length=186) == 10
    assert expected_work(dict(max_iters=1860), length=20) == 93
    assert expected_work(dict(max_iters=1860), share=0.5, length=20) == 46.5


@pytest.mark.parametrize(
    ('seconds', 'text'), [(0, '0:00'), (75, '1:15'), (3675, '1:01:15'), (-1, '0:00')]
)
def test_clock(seconds, text):
    assert clock(seconds) == text
