"""Costs as configs write them, and the numbers that they stand for."""

import math

import pytest

from mmtransfer.cost.table import cost_table
from mmtransfer.registry import SEARCHERS
from mmtransfer.search import Target, TargetError, cost_in_units
from mmtransfer.search.regularisers import terms_in_units
from mmtransfer.search.target import searcher_in_units
from mmtransfer.spaces import closest_to_seed, depth_space, mbconv_space, seed_architecture
from tests.search.cases import SIZE, SMALL, build

SEED = 22_810_112  # multiply-adds of MobileNetV2 without its last convolution, at 64 x 64
FULL = cost_table(mbconv_space('mobilenet_v2'), SIZE)
TERM = 'mmtransfer.CostTerm'


def test_the_seed_costs_what_its_network_costs():
    assert cost_in_units('seed', FULL) == FULL.of(seed_architecture('mobilenet_v2')) == SEED
    assert cost_in_units(1, FULL) == cost_in_units(1.0, FULL) == SEED
    assert cost_in_units(0.6, FULL) == 0.6 * SEED


def test_where_the_seed_is_not_in_the_space_the_nearest_counts():
    table = cost_table(SMALL, SIZE)
    nearest = table.of(closest_to_seed(SMALL))
    assert cost_in_units('seed', table) == nearest != SEED
    assert cost_in_units(0.5, table) == nearest / 2


def test_other_metrics_have_their_own_unit():
    table = cost_table(mbconv_space('mobilenet_v2'), SIZE, 'params')
    assert cost_in_units('seed', table) == table.of(seed_architecture('mobilenet_v2')) == 1_811_712
    assert cost_in_units(2e6, table) == 2e6


@pytest.mark.parametrize('number', [123_456_789, 2e9, 1.0001, 0, 0.0, -0.5, -5])
def test_a_number_in_the_unit_stays_what_it_is(number):
    found = cost_in_units(number, FULL)
    assert found == number and type(found) is type(number)


@pytest.mark.parametrize('wrong', ['sed', '0.6', math.nan, math.inf, True, None, [1], {'a': 1}])
def test_what_is_no_cost_is_refused(wrong):
    with pytest.raises(
        TargetError, match=r"x\.y must be .*finite number.*madds.*'seed'.*0\.6"
    ) as e:
        cost_in_units(wrong, FULL, 'x.y')
    assert repr(wrong) in str(e.value)


@pytest.mark.parametrize(
    ('searcher', 'key'),
    [
        ('Differentiable', 'target'),
        ('Random', 'target'),
        ('Random', 'maximum'),
        ('Evolution', 'target'),
        ('Evolution', 'maximum'),
        ('GreedyBlock', 'target'),
    ],
)
def test_every_searcher_takes_the_seed_and_a_share(searcher, key):
    settings = dict(
        Random=dict(candidates=2), Evolution=dict(population=2, generations=1, parents=2)
    )
    kind = SEARCHERS.get(f'mmtransfer.{searcher}Searcher')
    space = depth_space('resnet18', [3, 3, 3, 3]) if searcher == 'GreedyBlock' else FULL.space
    table = cost_table(space, SIZE)
    seed = table.of(closest_to_seed(space))
    for cost, expected in (('seed', seed), (0.9, 0.9 * seed), (seed, seed)):
        given = searcher_in_units({key: cost, **settings.get(searcher, {})}, table)
        made = build(kind, space, **given)
        if searcher == 'Differentiable':
            assert made.target.cost == expected
        elif key == 'maximum' or searcher == 'GreedyBlock':
            assert made.bound.high == expected
        else:
            assert made.target.cost == expected and made.bound.high == expected * 1.02


def test_what_a_searcher_does_not_bound_is_left_alone():
    plain = dict(type='x', candidates=3, target=None, name='seed')
    assert searcher_in_units(plain, FULL) == plain


def test_a_cost_term_takes_the_target_of_the_searcher():
    terms = [dict(type=TERM, factor=1, target='searcher'), dict(type=TERM, factor=2)]
    assert terms_in_units(terms, FULL, 5e6) == [dict(terms[0], target=5e6), terms[1]]
    assert terms[0]['target'] == 'searcher'  # the config is not changed
    own = [dict(type=TERM, factor=1, target=cost) for cost in ('seed', 0.5, 7e6)]
    assert [t['target'] for t in terms_in_units(own, FULL, None)] == [SEED, SEED / 2, 7e6]


def test_a_term_of_ones_own_keeps_what_it_calls_a_target():
    own = [dict(type='mine.Term', target='searcher')]
    assert terms_in_units(own, FULL, None) == own


def test_a_term_without_a_searchers_target_says_so():
    with pytest.raises(TargetError, match=r"target='searcher'.*searcher\.target"):
        terms_in_units([dict(type=TERM, factor=1, target='searcher')], FULL, None)
    with pytest.raises(TargetError, match="target of a cost term must be .*received 'seeds'"):
        terms_in_units([dict(type=TERM, factor=1, target='seeds')], FULL, None)


def test_a_target_out_of_reach_is_refused_with_the_range():
    table = cost_table(SMALL, SIZE)
    low, high = table.bounds()
    for wrong in (low * 0.9, high * 1.1):
        with pytest.raises(TargetError, match=f'{low:,}'):
            Target(wrong).check(table)
    Target(low).check(table)


@pytest.mark.parametrize('tolerance', [0, -0.1, math.nan])
def test_a_tolerance_must_be_positive(tolerance):
    with pytest.raises(ValueError, match='tolerance of a target must be positive'):
        Target(5e6, tolerance)
