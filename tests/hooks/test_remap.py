import copy
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from torch import nn

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.backbones import adapted
from mmtransfer.hooks import remap as remap_hook
from mmtransfer.hooks.remap import RemapHook
from mmtransfer.registry import MODELS
from mmtransfer.remap import load
from mmtransfer.search import derive_from_checkpoint
from tests.engine.test_search_loop import run
from tests.engine.tiny import search_config

TOOLS = Path(__file__).parents[2] / 'tools'


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


def test_two_sources_of_weights_are_refused(tmp_path):
    """MMEngine would load the one and the hook overwrite it."""
    compat.apply()
    config = search_config(tmp_path)
    config.custom_hooks = [dict(type='mmtransfer.RemapHook', checkpoint='a/search')]
    config.load_from = 'b/detector.pth'
    with pytest.raises(ValueError, match=r"'a/search', and load_from is 'b/detector.pth'"):
        run(config)


def test_adapting_from_the_middle_of_a_search_warns(tmp_path, monkeypatch):
    """Of the architecture and of the weights, with the epoch; not from its end."""
    compat.apply()
    said = []
    for module in (adapted, load):
        monkeypatch.setattr(module, 'print_log', lambda text, *_: said.append(text))
    config = search_config(tmp_path)
    run(copy.deepcopy(config))
    for number, epoch in ((5, 2), (6, None)):
        checkpoint = tmp_path / f'iter_{number}.pth'
        found = derive_from_checkpoint(config, checkpoint)
        backbone = dict(type='mmtransfer.AdaptedBackbone', architecture=found, out_indices=(6,))
        model = MODELS.build(dict(config.model, backbone=backbone))
        load.load_model(model, checkpoint)
        if epoch is None:
            assert said == []
            continue
        architecture, weights = said
        assert f'the architecture is of a search that has not finished: epoch {epoch} of 3' in (
            architecture
        )
        assert f'the weights are of a search that has not finished: epoch {epoch} of 3' in weights
        said.clear()
    early = Architecture.from_json(found.to_json()).replace(provenance={})
    MODELS.build(dict(config.model, backbone=dict(backbone, architecture=early)))
    assert said == []  # a file of the first versions does not say


def test_derive_warns_of_the_middle_of_a_search(tmp_path, monkeypatch, capsys):
    compat.apply()
    config = search_config(tmp_path)
    config.dump(str(tmp_path / 'config.py'))
    run(config)
    tool = runpy.run_path(str(TOOLS / 'derive.py'))
    for number in (5, 6):
        files = [str(tmp_path / 'config.py'), str(tmp_path / f'iter_{number}.pth')]
        monkeypatch.setattr(sys, 'argv', ['derive.py', *files, '-o', str(tmp_path / 'a.json')])
        tool['main']()
        warned = 'derive.py: warning: the architecture is of a search that has not finished'
        assert (warned in capsys.readouterr().err) == (number == 5)


def test_two_hooks_would_overwrite_each_other(tmp_path):
    config = search_config(tmp_path)
    config.custom_hooks = [dict(type='mmtransfer.RemapHook', checkpoint='a/search')]
    config.default_hooks.remap = dict(type='mmtransfer.RemapHook', checkpoint='b/search')
    with pytest.raises(ValueError, match=r"\['b/search', 'a/search'\].*default_hooks\.remap"):
        run(config)
