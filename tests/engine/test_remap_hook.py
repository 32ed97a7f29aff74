from types import SimpleNamespace

import pytest
from torch import nn

from mmtransfer.engine import remap_hook
from mmtransfer.engine.remap_hook import RemapHook


@pytest.mark.parametrize(
    ('iteration', 'resumed', 'acts'), [(0, False, True), (0, True, False), (3, False, False)]
)
def test_hook_acts_on_a_fresh_run_only(monkeypatch, iteration, resumed, acts):
    calls, logged = [], []

    def load_model(*args, **place):
        calls.append((*args, place))
        return SimpleNamespace(explain=lambda: 'the plan')

    monkeypatch.setattr(remap_hook, 'load_model', load_model)
    model = nn.Linear(1, 1)
    logger = SimpleNamespace(info=logged.append)
    runner = SimpleNamespace(iter=iteration, _resume=resumed, model=model, logger=logger)
    RemapHook('search/', initialise=['bbox_head.'], prefix='student.').before_train(runner)
    place = dict(key=None, prefix='student.')
    wanted = (model, 'search/', 'supernet', ('bbox_head.',), place)
    assert calls == ([wanted] if acts else [])
    assert ('the plan' in logged) == acts


def test_an_unknown_source_is_refused():
    with pytest.raises(ValueError, match="'supernet', 'seed'.*received 'scratch'"):
        RemapHook('x', source='scratch')


def test_strategies_go_with_the_seed_only():
    given = dict(width='l1', kernel='dilate', new='fresh')
    assert RemapHook('x', source='seed', **given).strategy == given
    with pytest.raises(ValueError, match="from a supernet every tensor is copied.*'width': 'l1'"):
        RemapHook('x', width='l1')
    with pytest.raises(ValueError, match="'bn_scale', 'std', 'l1'.*received width='gamma'"):
        RemapHook('x', source='seed', width='gamma')
