"""Architectures of one size: as many as counted, and some of them where they are too many."""

import random
from collections import Counter

from mmtransfer.search import all_of_size, count_of_size, ladder, size_of, some_of_size
from mmtransfer.spaces import depth_space

SPACE = depth_space('resnet18', [3, 2, 4, 3])


def blocks(a):
    return [int(option) for _, option in a.options]


def test_all_of_a_size_are_as_many_as_counted():
    steps = ladder(SPACE)
    for size in range(3, 14):
        found = list(all_of_size(SPACE, steps, size))
        assert len(found) == len(set(found)) == count_of_size(steps, size)
        assert all(size_of(a, steps) == sum(blocks(a)) == size for a in found)
    assert sum(count_of_size(steps, size) for size in range(4, 13)) == SPACE.size


def test_some_of_a_size(monkeypatch):
    """Listed or drawn: different ones of that size, the same ones first when more are asked for."""
    steps = ladder(SPACE)
    every = list(all_of_size(SPACE, steps, 8))
    for limit in (10**5, 0):
        monkeypatch.setattr('mmtransfer.search.sizes._ENUMERABLE', limit)
        few = some_of_size(SPACE, steps, 8, 4, random.Random(0))
        more = some_of_size(SPACE, steps, 8, 6, random.Random(0))
        assert few == more[:4] and len(set(more)) == 6 and set(more) < set(every)
        assert set(some_of_size(SPACE, steps, 8, 99, random.Random(0))) == set(every)
        assert some_of_size(SPACE, steps, 3, 5, random.Random(0)) == []


def test_drawn_ones_are_uniform(monkeypatch):
    monkeypatch.setattr('mmtransfer.search.sizes._ENUMERABLE', 0)
    steps, rng = ladder(SPACE), random.Random(0)
    drawn = Counter(some_of_size(SPACE, steps, 6, 1, rng)[0] for _ in range(3000))
    expected = 3000 / count_of_size(steps, 6)  # 9 of them: 333 each, deviation 17
    assert len(drawn) == 9 and all(abs(n - expected) < 4 * 17 for n in drawn.values())


def test_a_space_too_large_to_list():
    order = ['skip', *(f'k{k}e{e}' for e in (3, 6) for k in (3, 5, 7))]
    from mmtransfer.spaces import mbconv_space

    space = mbconv_space('mobilenet_v2')
    steps = ladder(space, order=order)
    assert count_of_size(steps, 60) > 10**12
    found = some_of_size(space, steps, 60, 20, random.Random(0))
    assert len(found) == 20 and {size_of(a, steps) for a in found} == {60}
