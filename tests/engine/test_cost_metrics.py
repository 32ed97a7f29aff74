"""Searches that count parameters or latency, and the guard against collapse."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.cost.latency import LatencyTableError, latency_table, stamp_here, write_latency
from mmtransfer.hooks.search_log import SearchLogHook
from mmtransfer.search import DifferentiableSearcher, TargetError, derive_from_checkpoint
from mmtransfer.spaces import mbconv_space
from tests.engine.tiny import search_config

LAYERS = (3, 3, 3, 3, 3, 1)


@pytest.fixture(autouse=True)
def _stack():
    compat.apply()


def config_of(work_dir, **train_cfg):
    """A search of two epochs, architecture steps in the second, in a space of some width."""
    config = search_config(work_dir, epochs=2, **train_cfg)
    config.model.backbone.update(layers=LAYERS, kernels=(3, 5, 7), expansions=(3, 6))
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    config.log_level = 'INFO'
    return config


def aim(config, target):
    config.train_cfg.searcher.target = config.train_cfg.regularisers[0].target = target


class Lines(logging.Handler):
    """Keeps what a logger says, as (level, text)."""

    def __init__(self, logger):
        super().__init__()
        self.said = []
        logger.addHandler(self)

    def emit(self, record):
        self.said.append((record.levelname, record.getMessage()))

    def find(self, *parts):
        return [(level, t) for level, t in self.said if all(p in t for p in parts)]


def run(config):
    runner = Runner.from_cfg(config)
    lines = Lines(runner.logger)
    runner.train()
    return runner, lines


def test_a_search_meets_a_target_in_parameters(tmp_path):
    config = config_of(tmp_path, metric='params')
    aim(config, 1.5e6)
    runner, lines = run(config)
    found = Architecture.read(tmp_path / 'architecture.json')
    assert abs(found.cost['params'] / 1.5e6 - 1) <= 0.02
    assert set(found.cost) == {'madds', 'params'}
    scalars = {k: h.current() for k, h in runner.message_hub.log_scalars.items()}
    assert scalars['train/derived_cost_M'] == pytest.approx(found.cost['params'] / 1e6, rel=0.04)
    assert 0.5 < scalars['train/expected_cost_M'] < 3
    assert 0 <= scalars['train/skip_share'] <= 1
    assert not any(name.endswith('_cost_G') for name in scalars)
    assert lines.find('1,500,000 parameters', f'{found.cost["params"]:,} parameters')


@pytest.fixture
def table(tmp_path):
    """Made-up times: 0.5 ms, and a hundredth of a ms per unit of kernel and expansion."""
    space = mbconv_space('mobilenet_v2', LAYERS)
    entries = {
        c.name: {o: 0.0 if o == 'skip' else (int(o[1]) + int(o[3])) / 100 for o in c.options}
        for c in space.choices
    }
    path = tmp_path / 'latency.json'
    write_latency(path, latency_table(space, (32, 32), 0.5, entries), stamp_here(space, (32, 32)))
    return str(path)


def test_a_search_meets_a_target_in_milliseconds(tmp_path, table):
    config = config_of(tmp_path, metric='latency', latency_table=table)
    aim(config, 1.3)
    runner, lines = run(config)
    found = Architecture.read(tmp_path / 'architecture.json')
    by_hand = 0.5 + sum((int(o[1]) + int(o[3])) / 100 for _, o in found.options if o != 'skip')
    assert found.cost['latency_ms'] == pytest.approx(by_hand)
    assert abs(by_hand / 1.3 - 1) <= 0.02
    scalars = runner.message_hub.log_scalars
    assert scalars['train/derived_cost_ms'].current() == pytest.approx(1.3, rel=0.02)
    assert lines.find('the target of 1.3 ms')
    again = derive_from_checkpoint(config, tmp_path)
    assert again == found and again.cost == found.cost


def test_latency_is_refused_before_the_first_step(tmp_path, table):
    with pytest.raises(LatencyTableError, match=r'python tools/measure_latency.py CONFIG'):
        run(config_of(tmp_path, metric='latency'))
    with pytest.raises(LatencyTableError, match=r'input_size = \(64, 64\)'):
        run(config_of(tmp_path, metric='latency', latency_table=table, input_size=(64, 64)))
    config = config_of(tmp_path, metric='latency', latency_table=table)
    aim(config, 100.0)
    with pytest.raises(TargetError, match='ms; received 100 ms'):
        run(config)


def test_a_missed_target_names_the_unit(tmp_path, table):
    config = config_of(tmp_path, metric='latency', latency_table=table)
    config.train_cfg.searcher.update(target=1.297, tolerance=1e-3)  # times are whole hundredths
    _, lines = run(config)
    [(level, text)] = lines.find('misses the target of 1.297 ms')
    assert level == 'WARNING' and 'costs 1.3 ms' in text


def test_min_layers_hold_through_a_search_that_prefers_skips(tmp_path, monkeypatch):
    """Every sampled path and what is derived keep two layers of each stage that has them."""
    paths = []
    path = DifferentiableSearcher.path

    def spy(self, iteration, uniform):
        paths.append(path(self, iteration, uniform))
        return paths[-1]

    monkeypatch.setattr(DifferentiableSearcher, 'path', spy)
    config = config_of(tmp_path)
    config.model.backbone.min_layers = 2
    runner = Runner.from_cfg(config)
    supernet = runner.model.backbone
    with torch.no_grad():
        for choice, logits in zip(supernet.space.choices, supernet.logits, strict=True):
            if 'skip' in choice.options:
                logits[choice.options.index('skip')] = 6.0
    runner.train()
    found = Architecture.read(tmp_path / 'architecture.json')
    assert len(paths) == 4 and len(set(paths)) == 4
    for architecture in (*paths, found):
        supernet.space.check(architecture)
        kept = [name for name, option in architecture.options if option != 'skip']
        counts = [sum(name.startswith(f'stage{s}.') for name in kept) for s in range(1, 7)]
        assert min(counts[:5]) >= 2 and counts[5] == 1
    # Five stages of three layers: of ten that can be skipped, five are, and no more can be.
    assert sum(option == 'skip' for _, option in found.options) == 5


def fake_runner(architecture, epoch):
    """As much of a runner as the hook looks at."""
    space = mbconv_space('mobilenet_v2', LAYERS)
    said, scalars = [], {}
    loop = SimpleNamespace(
        supernet=SimpleNamespace(
            space=space,
            probabilities=lambda: {c.name: torch.zeros(len(c.options)) for c in space.choices},
        ),
        table=SimpleNamespace(output_stride=32),
        derive=lambda: architecture,
    )
    visualizer = SimpleNamespace(
        add_scalars=lambda values, step: scalars.update(values), add_image=lambda *_, **__: None
    )
    logger = SimpleNamespace(warning=said.append)
    runner = SimpleNamespace(
        train_loop=loop, visualizer=visualizer, logger=logger, epoch=epoch, iter=8, hooks=[]
    )
    return runner, said, scalars


def with_skips(count):
    space = mbconv_space('mobilenet_v2', LAYERS)
    optional = [c.name for c in space.choices if 'skip' in c.options]
    return space.architecture(
        {c.name: 'skip' if c.name in optional[:count] else 'k3e3' for c in space.choices}
    )


def test_many_skips_are_told_once_and_at_the_end():
    hook = SearchLogHook()
    runner, said, scalars = fake_runner(None, 0)
    hook.after_train_epoch(runner)
    assert not said and not scalars  # nothing is known before architecture steps
    for epoch, warnings in ((1, 1), (2, 0)):
        runner, said, scalars = fake_runner(with_skips(6), epoch)
        hook.after_train_epoch(runner)
        assert len(said) == warnings and scalars['skip_share'] == 0.6
        if said:
            assert 'is collapsing: 60%' in said[0] and 'more than 50%' in said[0]
    runner, said, _ = fake_runner(with_skips(6), 3)
    hook.after_train(runner)
    assert len(said) == 1 and 'has collapsed: 60%' in said[0]
    for mend in ('min_layers', 'factor of the cost term', 'target', 'arch_begin'):
        assert mend in said[0]


@pytest.mark.parametrize(('share', 'count'), [(0.5, 5), (0.7, 6), (1.0, 10)])
def test_few_skips_are_not(share, count):
    runner, said, scalars = fake_runner(with_skips(count), 1)
    hook = SearchLogHook(skip_share=share)
    hook.after_train_epoch(runner)
    hook.after_train(runner)
    assert said == [] and scalars['skip_share'] == count / 10


def test_a_share_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r'\[0, 1\]; received 50'):
        SearchLogHook(skip_share=50)
