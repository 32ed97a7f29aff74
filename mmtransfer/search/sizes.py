"""Options in an order: an architecture's size, and all or some architectures of one size."""

import random
from collections.abc import Iterator, Mapping, Sequence

from mmtransfer.architecture import Architecture
from mmtransfer.cost.additive import need_additive
from mmtransfer.cost.table import CostTable
from mmtransfer.space import SearchSpace
from mmtransfer.spaces import record_of

# Choice -> its options, the smallest first.
Ladder = Mapping[str, tuple[str, ...]]

_ENUMERABLE = 100_000  # so many architectures are listed within a second or two
_ATTEMPTS = 100  # draws for each that is wanted


def ladder(
    space: SearchSpace, table: CostTable | None = None, order: str | Sequence[str] | None = None
) -> dict[str, tuple[str, ...]]:
    """The options of every choice, the smallest first.

    Args:
        space: Any space; those of some kinds have an order of their own.
        table: For the order ``'cost'``.
        order: All options that occur, or ``'cost'``; None: the space's own.

    Raises:
        ValueError: No order, one of other options than the space has, or the order ``'cost'`` where
            costs do not add up.
    """
    own = record_of(space).order(space)
    if order is None and own is not None:
        return own
    if order == 'cost' and table is not None:
        costs = need_additive(table, "order='cost'", 'List the options in order instead.').entries
        return {
            c.name: tuple(sorted(c.options, key=costs[c.name].__getitem__)) for c in space.choices
        }
    known = {option for c in space.choices for option in c.options}
    given = [] if order is None or isinstance(order, str) else list(order)
    if len(given) != len(known) or set(given) != known:
        raise ValueError(
            f"order must be 'cost' or list every option of the {space.name} space once, the "
            f'smallest first; it has {", ".join(sorted(known))}; received {order!r}.'
        )
    return {c.name: tuple(o for o in given if o in c.options) for c in space.choices}


def size_of(architecture: Architecture, steps: Ladder) -> int:
    """The sum over all choices of the option's place on the ladder, from 1: the blocks."""
    return sum(steps[name].index(option) + 1 for name, option in architecture.options)


def one_more(
    space: SearchSpace, architecture: Architecture, steps: Ladder
) -> Iterator[Architecture]:
    """The architecture with one choice on its next option, for each choice that has one.

    In the order of the choices; what a constraint of the space excludes is left out.
    """
    for name, option in architecture.options:
        place = steps[name].index(option) + 1
        if place == len(steps[name]):
            continue
        options = {**architecture.as_dict, name: steps[name][place]}
        if not any(c.violated(options) for c in space.constraints):
            yield space.architecture(options)


def count_of_size(steps: Ladder, size: int) -> int:
    """How many combinations of options have this size."""
    return _ways(steps)[0].get(size, 0)


def _ways(steps: Ladder) -> list[dict[int, int]]:
    """For each place in the order of the choices: size of all from there on -> combinations."""
    ways = [{0: 1}]
    for options in reversed([*steps.values()]):
        sums: dict[int, int] = {}
        for total, number in ways[0].items():
            for n in range(1, len(options) + 1):
                sums[total + n] = sums.get(total + n, 0) + number
        ways.insert(0, sums)
    return ways


def all_of_size(space: SearchSpace, steps: Ladder, size: int) -> Iterator[Architecture]:
    """Every architecture of a size (Eq. 4), those with few blocks in early stages first."""
    names = list(steps)
    lengths = [len(steps[name]) for name in names]

    def places(left: int, number: int) -> Iterator[tuple[int, ...]]:
        if number == len(names):
            if left == 0:
                yield ()
            return
        rest = lengths[number + 1 :]
        for n in range(max(1, left - sum(rest)), min(lengths[number], left - len(rest)) + 1):
            for later in places(left - n, number + 1):
                yield n, *later

    for chosen in places(size, 0):
        options = {name: steps[name][n - 1] for name, n in zip(names, chosen, strict=True)}
        if not any(c.violated(options) for c in space.constraints):
            yield space.architecture(options)


def some_of_size(
    space: SearchSpace, steps: Ladder, size: int, number: int, rng: random.Random
) -> list[Architecture]:
    """Different architectures of a size, drawn uniformly; all of them where there are not more.

    A larger number begins with those of a smaller one, of the same generator.

    Args:
        space: Whose architectures.
        steps: Its ladder.
        size: Of each.
        number: How many; fewer only where the constraints of the space exclude nearly all.
        rng: Draws.
    """
    if count_of_size(steps, size) <= _ENUMERABLE:
        every = list(all_of_size(space, steps, size))
        rng.shuffle(every)
        return every[:number]
    ways, found = _ways(steps), dict[Architecture, None]()
    for _ in range(_ATTEMPTS * number):
        left, options = size, {}
        for (name, rungs), later in zip(steps.items(), ways[1:], strict=True):
            counts = [later.get(left - n, 0) for n in range(1, len(rungs) + 1)]
            (place,) = rng.choices(range(len(rungs)), counts)
            options[name] = rungs[place]
            left -= place + 1
        if not any(c.violated(options) for c in space.constraints):
            found[space.architecture(options)] = None
        if len(found) == number:
            break
    return list(found)
