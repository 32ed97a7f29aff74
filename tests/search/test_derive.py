import itertools
import math
import random
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtransfer.cost.table import cost_table
from mmtransfer.search import (
    DifferentiableSearcher,
    Target,
    architecture_step,
    derive,
)
from mmtransfer.search.derive import plain_probabilities
from mmtransfer.spaces import mbconv_space

SIZE = (64, 96)
SMALL = mbconv_space('mobilenet_v2', layers=(2, 1, 1, 1, 1, 1), kernels=(3, 5), expansions=(3, 6))
FULL = mbconv_space('mobilenet_v2')


def drawn(space, seed):
    rng = random.Random(seed)
    raw = {c.name: [rng.random() + 0.01 for _ in c.options] for c in space.choices}
    return {name: [v / sum(p) for v in p] for name, p in raw.items()}


def score(space, probabilities, architecture):
    return sum(
        math.log(probabilities[c.name][c.options.index(architecture[c.name])])
        for c in space.choices
    )


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_without_a_target_every_choice_takes_its_most_probable_option(seed):
    p = drawn(FULL, seed)
    found = derive(FULL, p)
    for choice in FULL.choices:
        best = max(range(len(choice.options)), key=lambda i: p[choice.name][i])
        assert found[choice.name] == choice.options[best]


@cache
def every_cost():
    """The cost of every architecture of the small space, and per choice the options that it has."""
    table, options = cost_table(SMALL, SIZE), [c.options for c in SMALL.choices]
    costs = [table.of(SMALL.architecture(list(picked))) for picked in itertools.product(*options)]
    picked = np.indices([len(o) for o in options]).reshape(len(options), -1)
    return np.array(costs), picked


@given(seed=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_with_a_target_it_finds_the_best_within_the_tolerance(seed):
    """Against enumeration of every architecture of a small space."""
    p = drawn(SMALL, seed)
    table = cost_table(SMALL, SIZE)
    low, high = table.bounds()
    target = Target(random.Random(seed).uniform(1.05 * low, 0.95 * high), 0.05)
    found = derive(SMALL, p, table, target)
    costs, picked = every_cost()
    # What lies at the rim of the window may fall outside by rounding: an eighth of the tolerance.
    inner = abs(target.miss(costs)) <= 0.05 * 0.75
    assert abs(target.miss(table.of(found))) <= 0.05
    if inner.any():
        logs = [np.log(p[c.name])[i] for c, i in zip(SMALL.choices, picked, strict=True)]
        assert score(SMALL, p, found) >= sum(logs)[inner].max() - 1e-9


@given(seed=st.integers(0, 10**6), where=st.floats(0.05, 0.95))
@settings(max_examples=20, deadline=None)
def test_the_full_space_reaches_any_target_within_two_percent(seed, where):
    table = cost_table(FULL, (256, 256))
    low, high = table.bounds()
    target = Target(low + where * (high - low))
    found = derive(FULL, drawn(FULL, seed), table, target)
    assert abs(table.of(found) / target.cost - 1) <= 0.02


def test_min_layers_hold_where_the_logits_prefer_skips():
    space = mbconv_space('mobilenet_v2', min_layers=2)
    p = {
        c.name: [0.9 if o == 'skip' else 0.1 / (len(c.options) - 1) for o in c.options]
        for c in space.choices
    }
    found = derive(space, p)
    space.check(found)
    kept = [name for name, option in found.options if option != 'skip']
    assert sum(name.startswith('stage1') for name in kept) == 2


def test_a_space_too_coarse_gives_the_nearest():
    space = mbconv_space('mobilenet_v2', layers=(1,) * 6, kernels=(3,), expansions=(3, 6))
    table = cost_table(space, SIZE)
    low, high = table.bounds()
    target = Target(low * 1.001, 1e-5)
    assert table.of(derive(space, drawn(space, 0), table, target)) == low


def test_a_search_that_has_diverged_is_named():
    name = SMALL.choices[1].name
    p = {n: torch.tensor(v) for n, v in drawn(SMALL, 0).items()}
    searcher = DifferentiableSearcher(
        SimpleNamespace(space=SMALL, probabilities=lambda: p), cost_table(SMALL, SIZE), seed=0
    )
    known = plain_probabilities(searcher.supernet)
    assert searcher.architecture() is None  # the logits are what they began with
    searcher.stepped(architecture_step(0), known)
    assert searcher.architecture() == derive(SMALL, drawn(SMALL, 0))
    p[name] = p[name] * math.nan
    fresh = DifferentiableSearcher(searcher.supernet, searcher.table, seed=0)
    for call in (
        searcher.architecture,
        lambda: fresh.path(0, uniform=False),
        lambda: fresh.stepped(architecture_step(0), {**known, name: [math.nan]}),
    ):
        with pytest.raises(ValueError, match=rf'those of {name} are \[nan.*has diverged'):
            call()
