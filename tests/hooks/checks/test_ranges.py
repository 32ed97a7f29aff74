"""Numbers that cannot be are refused before the data are read."""

import pytest
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.hooks.checks.ranges import RangeError, check_ranges
from tests.engine.tiny import search_config


@pytest.mark.parametrize(
    ('train_cfg', 'message'),
    [
        (dict(max_epochs=0), 'max_epochs must be .* received 0'),
        (dict(max_iters=-5), 'max_iters must be .* received -5'),
        (dict(max_epochs=3, val_interval=0), 'val_interval must be .* received 0'),
        (dict(max_epochs=3, val_interval=1.5), 'val_interval must be .* received 1.5'),
        (dict(input_size=(0, 8)), r'input_size must be .* received \(0, 8\)'),
        (dict(input_size=(8,)), 'input_size must be'),
        (dict(input_size='88'), "input_size must be .* received '88'"),
        (dict(input_size=8), 'input_size must be .* received 8'),
        (dict(max_epochs=3, arch_begin=3), 'arch_begin must lie before .* received 3 and 3'),
    ],
)
def test_numbers_that_lead_nowhere(train_cfg, message):
    with pytest.raises(RangeError, match=message):
        check_ranges(train_cfg)


def test_numbers_that_lead_somewhere():
    for train_cfg in (
        {},
        dict(max_epochs=3, arch_begin=2, input_size=[8, 8]),
        dict(max_epochs=3, arch_begin=None),
        dict(max_iters=9, val_interval=9),
    ):
        check_ranges(train_cfg)


SEARCH, SEEDED = 'mmtransfer.SearchLoop', 'mmtransfer.SeededTrainLoop'


@pytest.mark.parametrize(
    ('kind', 'key', 'value'),
    [
        (SEARCH, 'val_interval', 0),
        (SEARCH, 'max_epochs', -1),
        (SEARCH, 'arch_begin', 3),
        (SEARCH, 'input_size', 0),
        (SEEDED, 'val_interval', 0),
        (SEEDED, 'max_epochs', -1),
    ],
)
def test_our_loops_refuse_them_before_they_read_data(tmp_path, kind, key, value):
    compat.apply()
    config = search_config(tmp_path)
    if kind == SEEDED:
        config.train_cfg = dict(type=kind, max_epochs=3)
    config.train_cfg[key] = value
    config.train_dataloader.dataset = dict(type='Nowhere')
    with pytest.raises(RangeError, match=f'train_cfg.{key} must .* received {value}'):
        Runner.from_cfg(config).train()
