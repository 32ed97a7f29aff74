"""What a stranger adds from outside of the package, each in one place."""

from math import prod
from pathlib import Path

import pytest
from mmengine.runner import Runner
from torch import nn

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.backbones import AdaptedBackbone
from mmtransfer.cost import METRICS, Metric, cost_table
from mmtransfer.cost.counter import count_backbone
from mmtransfer.cost.formulas import strided
from mmtransfer.seeds.networks import stem_convs
from mmtransfer.spaces import mbconv_space, seed_architecture
from tests.engine.tiny import search_config

ROOT = Path(__file__).resolve().parents[1]


def elements(convs, size):
    """What convolutions give, in numbers: the activations that training keeps."""
    return sum(c.out_channels * prod(strided(size, c.reduction)) for c in convs)


ACTIVATIONS = Metric(
    key='activations',
    suffix='MA',
    scale=1e6,
    text='{:,.0f} activations',
    node=lambda node, size: elements(node.convs, size),
    fixed=lambda seed, size: elements(stem_convs(seed), size),
    module=lambda module, output: output.numel() if isinstance(module, nn.Conv2d) else 0,
)


@pytest.fixture
def activations(monkeypatch):
    """The metric, known by its name."""
    monkeypatch.setitem(METRICS, 'activations', ACTIVATIONS)


def test_a_cost_metric_from_outside(activations, tmp_path, monkeypatch):
    """A search has a target in it, logs it, and notes it in what it finds."""
    compat.apply()
    config = search_config(tmp_path, epochs=2, metric='activations')
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    space = mbconv_space('mobilenet_v2', (2, 1, 1, 1, 1, 1), (3, 5), (3,))
    table = cost_table(space, (32, 32), 'activations')
    target = table.bounds()[0]
    config.train_cfg.searcher.target = config.train_cfg.regularisers[0].target = target
    runner = Runner.from_cfg(config)
    said = []
    monkeypatch.setattr(runner.logger, 'info', said.append)
    runner.train()
    found = Architecture.read(tmp_path / 'architecture.json')
    assert list(found.cost) == ['madds', 'params', 'activations']
    assert found.cost['activations'] == table.of(found) == target
    scalars = {k: h.current() for k, h in runner.message_hub.log_scalars.items()}
    assert scalars['train/derived_cost_MA'] == target / 1e6
    assert any(f'backbone costs {target:,} activations: ' in text for text in said)


def test_a_cost_metric_from_outside_is_counted_on_models(activations, monkeypatch):
    """By the counter that watches one run, and so by the tool."""
    seed, size = seed_architecture('mobilenet_v2'), (64, 64)
    expected = cost_table(mbconv_space('mobilenet_v2'), size, 'activations').of(seed)
    assert count_backbone(AdaptedBackbone(seed), size)['activations']['total'] == expected
    monkeypatch.syspath_prepend(str(ROOT / 'tools'))
    import get_cost

    config = str(ROOT / 'configs/fna/retinanet_mbv2_seed.py')
    counts = get_cost.get_cost(get_cost.parse_args([config, '--shape', '64', '64']))
    header, backbone, *_, total = get_cost.table(counts).splitlines()
    assert header.split() == ['params', 'madds', 'activations']
    assert backbone.split()[-1] == f'{expected:,}'
    assert total.split()[-1] == f'{counts["activations"]["total"]:,}' != backbone.split()[-1]


def test_a_metric_is_counted_or_has_a_table():
    with pytest.raises(ValueError, match="node and fixed, or else table; 'x' has node=None"):
        Metric('x', 'x', 1.0, '{} x')
