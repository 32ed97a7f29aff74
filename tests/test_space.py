"""Search spaces as data: what they draw is valid, what they refuse is named."""

import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtransfer.architecture import ArchitectureError
from mmtransfer.space import Choice, MinLayers, SearchSpace, SpaceError

few = settings(max_examples=40, deadline=None)
rngs = st.integers(0, 2**32).map(random.Random)


@st.composite
def spaces(draw) -> SearchSpace:
    """Stages of layers; the first layer of a stage has no skip; some stages have a minimum."""
    choices, constraints = [], []
    for s, depth in enumerate(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))):
        ops = tuple(f'op{i}' for i in range(draw(st.integers(1, 3))))
        names = tuple(f'stage{s}.layer{n}' for n in range(depth))
        choices += [Choice(n, ops + ('skip',) * (n != names[0])) for n in names]
        at_least = draw(st.integers(0, depth))
        if at_least:
            constraints.append(MinLayers(names, at_least))
    return SearchSpace('test', 'none', {}, tuple(choices), tuple(constraints))


def small(**changes) -> SearchSpace:
    values = {
        'name': 'test',
        'seed': 'none',
        'rule': {'depth': 3},
        'choices': (
            Choice('a', ('x', 'y')),
            Choice('b', ('x', 'skip')),
            Choice('c', ('x', 'skip')),
        ),
        'constraints': (MinLayers(('b', 'c'), 1),),
    }
    return SearchSpace(**{**values, **changes})


@few
@given(spaces(), rngs)
def test_what_is_drawn_is_valid(space, rng):
    a = space.sample(rng)
    space.check(a)
    assert space.architecture(a.as_dict) == a
    assert space.architecture([option for _, option in a.options]) == a
    neighbours = list(space.neighbours(a))
    assert len(set(neighbours)) == len(neighbours)
    for b in neighbours:
        space.check(b)
        assert sum(x != y for x, y in zip(a.options, b.options, strict=True)) == 1
    for probability in (0.0, 0.1, 1.0):
        mutated = space.mutate(a, rng, probability)
        space.check(mutated)
        assert (mutated == a) is (not neighbours)


def test_sampling_follows_the_generator_and_is_uniform():
    space = small()
    draws = [space.sample(random.Random(7)) for _ in range(2)]
    assert draws[0] == draws[1]
    rng = random.Random(0)
    counts = Counter(space.sample(rng) for _ in range(3000))
    assert len(counts) == 6  # 2 * (2 * 2 - 1)
    assert all(abs(n - 500) < 5 * math.sqrt(500 * 5 / 6) for n in counts.values())


def test_sampling_ends_under_a_tight_constraint():
    names = tuple(f'n{i}' for i in range(8))
    choices = tuple(Choice(n, ('x', 'skip')) for n in names)
    space = small(choices=choices, constraints=(MinLayers(names, 8),))
    a = space.sample(random.Random(0))
    assert set(a.as_dict.values()) == {'x'}
    assert list(space.neighbours(a)) == []
    assert space.mutate(a, random.Random(0)) == a


def test_a_space_without_members_is_reported(monkeypatch):
    monkeypatch.setattr('mmtransfer.space._MAX_DRAWS', 50)
    space = small(choices=(Choice('b', ('skip',)), Choice('c', ('skip',))))
    with pytest.raises(SpaceError, match='no architecture that meets all constraints'):
        space.sample(random.Random(0))


def test_mutation_rate():
    names = [f'n{i}' for i in range(200)]
    space = small(choices=tuple(Choice(n, tuple('abcd')) for n in names), constraints=())
    rng = random.Random(0)
    a = space.sample(rng)
    b = space.mutate(a, rng, 0.25)
    changed = sum(x != y for x, y in zip(a.options, b.options, strict=True))
    assert abs(changed - 50) < 5 * math.sqrt(200 * 0.25 * 0.75)
    with pytest.raises(ValueError, match=r'probability must lie in \[0, 1\]; received 2'):
        space.mutate(a, rng, 2)


def test_size_counts_combinations():
    assert small().size == 8


def test_fingerprint_follows_the_choices_and_nothing_else():
    one = small()
    assert len(one.fingerprint) == 16 and int(one.fingerprint, 16) >= 0
    assert small(rule={}).fingerprint == one.fingerprint
    changed = [
        small(name='other'),
        small(seed='other'),
        small(constraints=()),
        small(constraints=(MinLayers(('b', 'c'), 2),)),
        small(choices=one.choices[::-1]),
        small(choices=(*one.choices, Choice('d', ('x',)))),
    ]
    assert len({s.fingerprint for s in (one, *changed)}) == 1 + len(changed)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'a': 'z', 'b': 'x', 'c': 'x'}, "option of 'a' must be one of x, y; received 'z'"),
        ({'a': 'x', 'b': 'x'}, 'missing choices: c. The choices are a, b, c'),
        ({'a': 'x', 'b': 'x', 'c': 'x', 'd': 'x'}, 'unknown choices: d'),
        ({'a': 'x', 'b': 'skip', 'c': 'skip'}, "at least 1 of b, c must not be 'skip'; 0 are not"),
        (['x', 'x'], r'3 choices \(a, b, c\); received 2 options'),
    ],
)
def test_refused_options(options, words):
    with pytest.raises(SpaceError, match=words):
        small().architecture(options)


def test_check_names_what_is_wrong():
    space = small()
    a = space.architecture(['x', 'x', 'x'])
    other = small(seed='other', rule={'depth': 4})
    words = f"space 'test' with fingerprint {other.fingerprint}.*received space 'test' with "
    with pytest.raises(SpaceError, match=words + f'fingerprint {a.fingerprint}'):
        other.check(a)
    with pytest.raises(SpaceError, match="option of 'b' must be one of x, skip; received 'k9e6'"):
        space.check(a.replace(options={'a': 'x', 'b': 'k9e6', 'c': 'x'}))
    with pytest.raises(SpaceError, match='in the order of the choices: a, b, c'):
        space.check(a.replace(options=a.options[::-1]))
    with pytest.raises(SpaceError, match='a constraint of the space is violated'):
        space.check(a.replace(options={'a': 'x', 'b': 'skip', 'c': 'skip'}))
    assert issubclass(SpaceError, ArchitectureError)


def test_a_mapping_is_put_in_order():
    a = small().architecture({'c': 'x', 'a': 'y', 'b': 'x'}, provenance={'from': 'test'})
    assert a.options == (('a', 'y'), ('b', 'x'), ('c', 'x'))
    assert a.rule == {'depth': 3} and a.provenance == {'from': 'test'}


def test_refused_spaces():
    with pytest.raises(SpaceError, match='different names; received twice: a'):
        small(choices=(Choice('a', ('x',)), Choice('a', ('x',))))
    with pytest.raises(SpaceError, match='may only name choices of its space, a, b, c; received q'):
        small(constraints=(MinLayers(('a', 'q'), 1),))
    with pytest.raises(SpaceError, match="at least one option, all different; 'a' has"):
        Choice('a', ())
    with pytest.raises(SpaceError, match="at least one option, all different; 'a' has"):
        Choice('a', ('x', 'x'))
    with pytest.raises(SpaceError, match='between 0 and the number of choices, 1; received 2'):
        MinLayers(('a',), 2)
