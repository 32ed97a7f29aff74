"""The space of MBConv networks around a seed (FNA++, Table 1 and Table 9). No torch here.

The seed's stages keep their channels and strides, the first one stays as it is, and each layer of
the others takes a kernel and an expansion ratio or, but for the first layer of a stage, is skipped.
The convolutions after the last stage and the classifier belong to the seed alone; a detector's
backbone has none.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mmtransfer.limits import BLOCKS, FACTOR, KERNEL, OPS, listed, short
from mmtransfer.seeds.networks import choice_name
from mmtransfer.seeds.published import SKIP, Seed, find_seed
from mmtransfer.space import Choice, MinLayers, SearchSpace, SpaceError
from mmtransfer.spaces.layerwise import Layerwise


def mbconv_space(
    seed: str,
    layers: Sequence[int] = (4, 4, 4, 4, 4, 1),
    kernels: Sequence[int] = (3, 5, 7),
    expansions: Sequence[int] = (3, 6),
    min_layers: int | None = None,
    restrict: Mapping[str, Sequence[str]] | None = None,
) -> SearchSpace:
    """The space around an MBConv seed.

    Args:
        seed: Name of the seed.
        layers: How many layers each searched stage (all but the first) may have at most.
        kernels: Kernel sizes to choose from, odd.
        expansions: Expansion ratios to choose from.
        min_layers: Every stage keeps at least so many layers, or all it has where that is fewer.
        restrict: Choice -> the options that it alone offers, of those it would have.

    Raises:
        SpaceError: An unknown seed, or values that make no space.
    """
    found = find_seed(seed)
    _check(found, layers, kernels, expansions, min_layers)
    _check_restrict(restrict)
    ops = tuple(f'k{k}e{e}' for k in kernels for e in expansions)
    stages = [[choice_name(s, n) for n in range(depth)] for s, depth in enumerate(layers, start=1)]
    options = {n: ops + (SKIP,) * (n != names[0]) for names in stages for n in names}
    rule: dict[str, Any] = {
        'layers': list(layers),
        'kernels': list(kernels),
        'expansions': list(expansions),
        'min_layers': min_layers,
    }
    if restrict:
        rule['restrict'] = {name: list(offered) for name, offered in restrict.items()}
        options |= _restricted(options, rule['restrict'])
    guarded = [(names, min(min_layers or 1, len(names))) for names in stages]
    return SearchSpace(
        name='mbconv',
        seed=seed,
        rule=rule,
        choices=tuple(Choice(name, offered) for name, offered in options.items()),
        constraints=tuple(MinLayers(tuple(names), n) for names, n in guarded if n > 1),
    )


class MBConvKind(Layerwise):
    """Kernel and expansion of every layer, or a skip, around seeds of MBConv blocks."""

    name = 'mbconv'
    build = staticmethod(mbconv_space)

    def own_rule(self, seed: Any) -> dict[str, Any]:
        """The default rule, widened as far as the seed's own ops and depths need it."""
        found = find_seed(seed)
        stages = found.stages[1:]
        parsed = [found.op(op).numbers for stage in stages for op in stage.ops if op != SKIP]
        default = (4,) * (len(stages) - 1) + (1,)
        return {
            'layers': [max(n, len(s.ops)) for n, s in zip(default, stages, strict=True)],
            'kernels': sorted({3, 5, 7, *(kernel for kernel, _ in parsed)}),
            'expansions': sorted({3, 6, *(expansion for _, expansion in parsed)}),
        }


MBCONV = MBConvKind()


def _check(
    seed: Seed,
    layers: Sequence[int],
    kernels: Sequence[int],
    expansions: Sequence[int],
    min_layers: int | None,
) -> None:
    if not MBCONV.takes(seed.name):
        raise SpaceError(
            f'an MBConv space needs a seed of MBConv blocks; {seed.name} is made of {seed.block} '
            f'blocks: its space takes other arguments (ops).'
        )
    searched = len(seed.stages) - 1
    if len(layers) != searched or not all(_whole(n, BLOCKS) for n in layers):
        raise SpaceError(
            f'layers must give a positive number for each of the {searched} searched stages of '
            f'{seed.name}, at most {BLOCKS}; received {short(list(layers))}'
        )
    if not kernels or not all(_whole(k, KERNEL) and k % 2 for k in kernels):
        raise SpaceError(
            f'kernels must be odd and positive, at least one, at most {KERNEL}; received '
            f'{short(list(kernels))}'
        )
    if not expansions or not all(_whole(e, FACTOR) for e in expansions):
        raise SpaceError(
            f'expansions must be positive, at least one, at most {FACTOR}; received '
            f'{short(list(expansions))}'
        )
    if len(kernels) * len(expansions) > OPS:
        raise SpaceError(
            f'kernels and expansions must make at most {OPS} ops; received {len(kernels)} times '
            f'{len(expansions)}'
        )
    if min_layers is not None and not _whole(min_layers, BLOCKS):
        raise SpaceError(
            f'min_layers must be positive, at most {BLOCKS}, or None; received {short(min_layers)}'
        )


def _whole(value: Any, limit: int) -> bool:
    return type(value) is int and 0 < value <= limit


def _check_restrict(restrict: Any) -> None:
    if restrict is None:
        return
    lists = isinstance(restrict, Mapping) and all(
        isinstance(offered, (list, tuple)) and all(isinstance(op, str) for op in offered)
        for offered in restrict.values()
    )
    if not lists:
        raise SpaceError(
            f'restrict must give a list of options for each choice that it names, as in '
            f"{{'stage5.layer0': ['k3e6']}}; received {short(restrict)}"
        )


def _restricted(
    options: Mapping[str, tuple[str, ...]], restrict: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """The options of the restricted choices, in the space's own order."""
    result = {}
    for name, offered in restrict.items():
        unknown = [op for op in offered if op not in options.get(name, ())]
        if name not in options or unknown or set(offered) <= {SKIP}:
            raise SpaceError(
                f'restrict must name choices of the space and at least one of their options each '
                f'beside {SKIP!r} (layers says how many layers a stage has); received {name!r}: '
                f'{short(list(offered))}. '
                + (
                    f'Its options are {listed(options[name])}.'
                    if name in options
                    else f'The choices are {listed(options)}.'
                )
            )
        result[name] = tuple(op for op in options[name] if op in offered)
    return result
