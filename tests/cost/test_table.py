import itertools
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtransfer.backbones import AdaptedBackbone
from mmtransfer.cost import cost_table
from mmtransfer.cost.counter import count_backbone
from mmtransfer.seeds import SEEDS
from mmtransfer.space import SpaceError
from mmtransfer.spaces import mbconv_space, seed_architecture, space_around

FNA = (800, 1088)
rngs = st.integers(0, 10**6).map(random.Random)
sides = st.integers(33, 200)


@pytest.mark.parametrize('seed', SEEDS)
@given(
    rng=rngs,
    size=st.tuples(sides, sides),
    stride=st.sampled_from((8, 16, 32)),
)
@settings(max_examples=2, deadline=None)
def test_of_equals_the_counter_on_the_built_backbone(seed, rng, size, stride):
    rule = {'expansions': (1, 3, 6)} if SEEDS[seed].kind.space == 'mbconv' else {}
    space = space_around(seed, **rule)
    architecture = space.sample(rng)
    with torch.device('meta'):
        last = len(SEEDS[seed].stages) - 1
        backbone = AdaptedBackbone(architecture, out_indices=(last,), output_stride=stride)
    counts = count_backbone(backbone, size)
    table = cost_table(space, size, output_stride=stride)
    assert table.of(architecture) == counts['madds']['total']
    assert cost_table(space, size, 'params').of(architecture) == counts['params']['total']


def one_hot(space, architecture, dtype=torch.float64):
    return {
        c.name: torch.tensor([float(o == architecture[c.name]) for o in c.options], dtype=dtype)
        for c in space.choices
    }


@pytest.mark.parametrize('seed', SEEDS)
@given(rng=rngs, size=st.tuples(sides, sides), metric=st.sampled_from(['madds', 'params']))
@settings(max_examples=3, deadline=None)
def test_expected_of_a_one_hot_is_of_without_the_fixed_part(seed, rng, size, metric):
    space = space_around(seed)
    table = cost_table(space, size, metric)
    architecture = space.sample(rng)
    expected = table.expected(one_hot(space, architecture))
    assert int(expected) == table.searched(architecture) == table.of(architecture) - table.fixed


def test_expected_in_float32_is_rounded_once():
    space = mbconv_space('mobilenet_v2')
    table = cost_table(space, FNA)
    architecture = space.sample(random.Random(0))
    expected = table.expected(one_hot(space, architecture, torch.float32))
    assert expected.dtype == torch.float32
    assert expected == torch.tensor(table.searched(architecture), dtype=torch.float32)


def test_gradient_of_expected_is_the_cost_of_each_option():
    space = mbconv_space('mobilenet_v2')
    table = cost_table(space, (224, 224))
    p = {c.name: torch.full((len(c.options),), 0.1, requires_grad=True) for c in space.choices}
    table.expected(p).backward()
    for choice in space.choices:
        costs = [float(table.entries[choice.name][o]) for o in choice.options]
        assert p[choice.name].grad.tolist() == costs


def test_expected_cost_of_fna_at_uniform_logits():
    space = mbconv_space('mobilenet_v2')
    logits = {c.name: torch.zeros(len(c.options)).double() for c in space.choices}
    expected = cost_table(space, FNA).expected({n: v.softmax(0) for n, v in logits.items()})
    assert float(expected) == pytest.approx(4.8671e9, rel=5e-4)
    assert round(float(expected) / 1e9, 4) == 4.8671


def test_the_seed_by_number():
    space, seed = mbconv_space('mobilenet_v2'), seed_architecture('mobilenet_v2')
    assert cost_table(space, FNA).of(seed) == 4_847_148_800
    assert cost_table(space, (1088, 800)).of(seed) == 4_847_148_800
    # All of torchvision's MobileNetV2 (3,504,872) but its 1x1 convolution to 1280 and classifier.
    head = 320 * 1280 + 2 * 1280 + 1281 * 1000
    assert cost_table(space, FNA, 'params').of(seed) == 3_504_872 - head


@pytest.mark.parametrize('min_layers', [None, 1, 2])
@pytest.mark.parametrize('metric', ['madds', 'params'])
def test_bounds_against_every_architecture(min_layers, metric):
    space = mbconv_space('mobilenet_v2', (3, 1, 2, 1, 1, 1), (3, 5), (3,), min_layers=min_layers)
    table = cost_table(space, (65, 97), metric)
    costs = []
    for options in itertools.product(*(c.options for c in space.choices)):
        try:
            costs.append(table.of(space.architecture(options)))
        except SpaceError:
            continue
    assert table.bounds() == (min(costs), max(costs))


def test_skips_cost_nothing():
    table = cost_table(mbconv_space('mobilenet_v2'), FNA)
    assert table.entries['stage1.layer1']['skip'] == 0
    assert 'skip' not in table.entries['stage1.layer0']
    assert all(type(v) is int for options in table.entries.values() for v in options.values())


def test_an_architecture_of_another_space_is_refused():
    table = cost_table(mbconv_space('mobilenet_v2'), FNA)
    with pytest.raises(SpaceError, match='efficientnet_lite0'):
        table.of(seed_architecture('efficientnet_lite0'))


@pytest.mark.parametrize('change', ['missing', 'length'])
def test_wrong_probabilities_are_refused(change):
    space = mbconv_space('mobilenet_v2')
    table = cost_table(space, FNA)
    p = {c.name: torch.ones(len(c.options)) for c in space.choices}
    if change == 'missing':
        del p['stage2.layer1']
    else:
        p['stage2.layer1'] = torch.ones(6)
    with pytest.raises(ValueError, match=r"'stage2.layer1' needs 7 probabilities.*k3e3.*received"):
        table.expected(p)


@pytest.mark.parametrize('size', [(0, 10), (10,), (10.0, 10), (10, 10, 10)])
def test_a_wrong_size_is_refused(size):
    with pytest.raises(ValueError, match=r'\(H, W\)'):
        cost_table(mbconv_space('mobilenet_v2'), size)


def test_an_unknown_metric_is_refused():
    with pytest.raises(ValueError, match='madds, params; received'):
        cost_table(mbconv_space('mobilenet_v2'), FNA, 'latency')
