"""From names to spaces: the space around a seed, the space of an architecture, the seed in it."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from inspect import signature
from typing import Any

from mmtransfer.architecture import Architecture
from mmtransfer.limits import NAME, short
from mmtransfer.seeds.networks import Network
from mmtransfer.seeds.published import SKIP, Seed, find_seed
from mmtransfer.space import SearchSpace, SpaceError
from mmtransfer.spaces.depth import depth_space
from mmtransfer.spaces.mbconv import mbconv_space, own_rule
from mmtransfer.spaces.networks import network_in, space_stages
from mmtransfer.spaces.residual import residual_space

# Name of a space -> the function (seed, **rule) that builds it.
SPACES: dict[str, Callable[..., SearchSpace]] = {
    'mbconv': mbconv_space,
    'residual': residual_space,
    'depth': depth_space,
}


def rule_arguments() -> tuple[str, ...]:
    """The arguments of :func:`space_around` around any seed."""
    of_all = (list(signature(SPACES[name]).parameters)[1:] for name in ('mbconv', 'residual'))
    return tuple(name for names in of_all for name in names)


def space_around(seed: str, **rule: Any) -> SearchSpace:
    """The space around a seed.

    Args:
        seed: Name of the seed.
        **rule: Arguments of :func:`mbconv_space`, for a ResNet of :func:`residual_space`.

    Raises:
        SpaceError: An unknown seed or argument, or values that make no space.
    """
    return _build(find_seed(seed).kind.space, seed, rule)


def space_of(architecture: Architecture) -> SearchSpace:
    """The space of an architecture, built again from its seed and rule.

    Raises:
        SpaceError: Space, seed or rule are unknown here, or make choices other than those that the
            architecture was found among.
    """
    if architecture.space not in SPACES:
        raise SpaceError(
            f'the space must be one of {", ".join(SPACES)}; received {short(architecture.space)}'
        )
    space = _build(architecture.space, architecture.seed, dict(architecture.rule))
    if space.fingerprint != architecture.fingerprint:
        raise SpaceError(
            f'the space {space.name!r} of seed {space.seed!r} and rule {json.dumps(space.rule)} '
            f'has the fingerprint {space.fingerprint}; the architecture is of a space with '
            f'fingerprint {architecture.fingerprint}. Seed and rule must be those of the search '
            f'that found it: restore them, or derive the architecture again.'
        )
    return space


def _build(name: str, seed: str, rule: dict[str, Any]) -> SearchSpace:
    try:
        return _cached(name, seed, json.dumps(rule, sort_keys=True))
    except TypeError as error:
        raise SpaceError(
            f'a space around {seed} takes {", ".join(list(signature(SPACES[name]).parameters)[1:])}'
            f'; received {short(rule)}: {str(error)[:NAME]}'
        ) from None


@lru_cache(maxsize=64)
def _cached(name: str, seed: str, rule: str) -> SearchSpace:
    return SPACES[name](seed, **json.loads(rule))


def network(architecture: Architecture, output_stride: int = 32) -> Network:
    """The layers of an architecture; skipped ones are dropped and the others move up.

    Args:
        architecture: Of any space known here.
        output_stride: Size of the image over that of the last features: 8, 16 or 32.

    Raises:
        SpaceError: The architecture is not of the space that its seed and rule make.
    """
    space = space_of(architecture)
    space.check(architecture)
    return network_in(space, architecture, output_stride)


def seed_architecture(name: str, **rule: Any) -> Architecture:
    """The seed as an architecture of the space around it: its own ops, then skips.

    Args:
        name: Name of the seed.
        **rule: As for :func:`space_around`; what is not given is wide enough for the seed.

    Raises:
        SpaceError: The space does not contain the seed, its stages being too short for instance.
    """
    seed = find_seed(name)
    space = space_around(name, **((own_rule(seed) if seed.kind.space == 'mbconv' else {}) | rule))
    options: dict[str, str] = {}
    for stage, choices in zip(seed.stages, space_stages(space), strict=True):
        if choices and len(choices) < len(stage.ops):
            raise SpaceError(
                f'{name} has {len(stage.ops)} layers in its stage of {stage.channels} channels; '
                f'layers = {space.rule["layers"]} allows {len(choices)}. Allow more, or ask for '
                f'closest_to_seed.'
            )
        padded = [*stage.ops, *[SKIP] * (len(choices) - len(stage.ops))]
        options.update((c.name, op) for c, op in zip(choices, padded, strict=False))
    return space.architecture(options, provenance={'source': f'the seed {name}'})


def closest_to_seed(space: SearchSpace) -> Architecture:
    """The architecture of a space most like its seed; the seed itself if it is there.

    Stages that are too short drop the seed's last layers, stages that must be longer repeat its
    last op, and an op that is not offered becomes the nearest in kernel, then in the other number.
    """
    options: dict[str, str] = {}
    seed = find_seed(space.seed)
    stages = zip(seed.stages, space_stages(space), strict=True)
    if space.name == 'depth':
        counts = [str(min(len(stage.ops), len(c.options))) for stage, of in stages for c in of]
        return space.architecture(counts)
    least = space.rule.get('min_layers') or 1
    for stage, choices in stages:
        kept = [op for op in stage.ops if op != SKIP]
        if len(kept) < least or len(choices) < len(stage.ops):
            ops = kept + kept[-1:] * (least - len(kept))
        else:
            ops = list(stage.ops)
        for n, choice in enumerate(choices):
            op = ops[n] if n < len(ops) else SKIP
            options[choice.name] = (
                op if op in choice.options else _nearest(seed, op, choice.options)
            )
    return space.architecture(options)


def _nearest(seed: Seed, op: str, options: Sequence[str]) -> str:
    if op == SKIP:  # restricted away: the cheapest is the nearest to nothing
        return min(options, key=lambda option: seed.op(option).numbers)
    kernel, other = seed.op(op).numbers

    def distance(option: str) -> tuple[int, int]:
        k, e = seed.op(option).numbers
        return abs(k - kernel), abs(e - other)

    return min((option for option in options if option != SKIP), key=distance)
