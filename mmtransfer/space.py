"""A search space as data: named choices, the options of each, and the constraints between them."""

import hashlib
import json
import math
import random
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol

from mmtransfer.architecture import Architecture, ArchitectureError
from mmtransfer.limits import listed, repeated, short

_MAX_DRAWS = 100_000


class SpaceError(ArchitectureError):
    """An architecture that is not of the space, or a space that cannot be."""


class Constraint(Protocol):
    """A dataclass that can tell whether the options of some choices go together."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def choices(self) -> tuple[str, ...]:
        """Names of the choices that it ties together."""

    def violated(self, options: Mapping[str, str]) -> str | None:
        """What is wrong with these options, or None.

        Args:
            options: Choice name -> option, for at least the choices that it ties together.
        """

    def state(self, options: Mapping[str, str]) -> Hashable:
        """What it has to know of the choices that are made to judge any that may follow.

        Options of equal state are violated by the same continuations.

        Args:
            options: Choice name -> option, for some of the choices.
        """


@dataclass(frozen=True)
class Choice:
    """One decision.

    Args:
        name: Unique in its space, such as ``'stage1.layer0'``.
        options: What may be chosen; at least one, all different.
    """

    name: str
    options: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, 'options', tuple(self.options))
        if not self.options or len(set(self.options)) != len(self.options):
            raise SpaceError(
                f'a choice needs at least one option, all different; {self.name!r} has '
                f'{listed(self.options) or "none"}. Correct its options.'
            )


@dataclass(frozen=True)
class MinLayers:
    """At least so many of these choices take a real option: a guard against collapse to skips.

    Args:
        choices: Names of the choices, usually all layers of a stage.
        at_least: How many of them must not be skipped.
        skip: The option that does not count.
    """

    choices: tuple[str, ...]
    at_least: int
    skip: str = 'skip'

    def __post_init__(self) -> None:
        object.__setattr__(self, 'choices', tuple(self.choices))
        if not 0 <= self.at_least <= len(self.choices):
            raise SpaceError(
                f'at_least must lie between 0 and the number of choices, {len(self.choices)}; '
                f'received {self.at_least}'
            )

    def state(self, options: Mapping[str, str]) -> int:
        """How many are real, as far as it matters."""
        return min(self._kept(options), self.at_least)

    def _kept(self, options: Mapping[str, str]) -> int:
        return sum(options.get(name, self.skip) != self.skip for name in self.choices)

    def violated(self, options: Mapping[str, str]) -> str | None:
        kept = self._kept(options)
        if kept >= self.at_least:
            return None
        return (
            f'at least {self.at_least} of {listed(self.choices)} must not be {self.skip!r}; '
            f'{kept} are not'
        )


@dataclass(frozen=True)
class SearchSpace:
    """All architectures around a seed.

    Args:
        name: The kind of space, such as ``'mbconv'``; it tells how to rebuild it from its rule.
        seed: The network that it was built around, as its kind names it: a name, or a mapping of
            JSON values.
        rule: The keyword arguments that built it, JSON values only.
        choices: The decisions, in the order of the network.
        constraints: Which combinations are allowed.
        covered: What of the seed tells spaces apart and goes into the fingerprint, hashable; None:
            the seed, which is a name.

    Raises:
        SpaceError: Two choices of one name, or a constraint on a choice that does not exist.
    """

    name: str
    seed: Any = field(compare=False)
    rule: Mapping[str, Any] = field(compare=False)
    choices: tuple[Choice, ...]
    constraints: tuple[Constraint, ...] = ()
    covered: Hashable = None

    def __post_init__(self) -> None:
        object.__setattr__(self, 'choices', tuple(self.choices))
        object.__setattr__(self, 'constraints', tuple(self.constraints))
        if self.covered is None:
            object.__setattr__(self, 'covered', self.seed)
        names = [choice.name for choice in self.choices]
        if twice := repeated(names):
            raise SpaceError(f'choices must have different names; received twice: {listed(twice)}')
        known = set(names)
        for constraint in self.constraints:
            unknown = [name for name in constraint.choices if name not in known]
            if unknown:
                raise SpaceError(
                    f'a constraint may only name choices of its space, {listed(names)}; '
                    f'received {listed(unknown)} in {constraint}'
                )

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change when the name, seed, choices or constraints do."""
        content = {
            'name': self.name,
            'seed': self.covered,
            'choices': [{'name': c.name, 'options': c.options} for c in self.choices],
            'constraints': [{'type': type(c).__name__, **asdict(c)} for c in self.constraints],
        }
        text = json.dumps(content, sort_keys=True, separators=(',', ':'))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def size(self) -> int:
        """How many combinations of options there are, before the constraints exclude some."""
        return math.prod(len(choice.options) for choice in self.choices)

    def architecture(self, options: Mapping[str, str] | Sequence[str], **meta: Any) -> Architecture:
        """An architecture of this space, checked.

        Args:
            options: Choice name -> option for every choice, or the options alone in order.
            **meta: ``cost``, ``input_size``, ``output_stride`` and ``provenance``.

        Raises:
            SpaceError: See ``check``.
        """
        names = [choice.name for choice in self.choices]
        if not isinstance(options, Mapping):
            if len(options) != len(names):
                raise SpaceError(
                    f'the space has {len(names)} choices ({listed(names)}); received '
                    f'{len(options)} options. Give one option per choice, in that order.'
                )
            options = dict(zip(names, options, strict=True))
        self._check_options(options)
        return self._trusted({name: options[name] for name in names}, **meta)

    def check(self, architecture: Architecture) -> None:
        """Raise SpaceError unless the architecture is one of this space.

        Raises:
            SpaceError: Another space, a choice that is unknown, missing or out of order, an unknown
                option (with the valid ones listed), or a violated constraint.
        """
        received = (architecture.space, architecture.fingerprint)
        if received != (self.name, self.fingerprint):
            raise SpaceError(
                f'the architecture must be of the space {self.name!r} with fingerprint '
                f'{self.fingerprint} (seed {self.seed!r}, rule {json.dumps(self.rule)}); received '
                f'space {received[0]!r} with fingerprint {received[1]} (seed '
                f'{architecture.seed!r}, rule {short(architecture.rule)}). Use the '
                f'seed and rule of the search that found it, or derive it again.'
            )
        self._check_options(architecture.as_dict)
        names = [choice.name for choice in self.choices]
        if [name for name, _ in architecture.options] != names:
            raise SpaceError(f'options must be in the order of the choices: {listed(names)}')

    def sample(self, rng: random.Random) -> Architecture:
        """One architecture, every option equally likely.

        Where a constraint is violated the choices it ties together are drawn again; when no two
        constraints share a choice this is uniform over the valid architectures.
        """
        options = {choice.name: rng.choice(choice.options) for choice in self.choices}
        for _ in range(_MAX_DRAWS):
            broken = next((c for c in self.constraints if c.violated(options)), None)
            if broken is None:
                return self._trusted(options)
            for choice in self.choices:
                if choice.name in broken.choices:
                    options[choice.name] = rng.choice(choice.options)
        raise SpaceError(
            f'no architecture that meets all constraints was found in {_MAX_DRAWS} draws; the last '
            f'one violated {broken}. Relax the constraint.'
        )

    def mutate(
        self, architecture: Architecture, rng: random.Random, probability: float = 0.1
    ) -> Architecture:
        """Change each choice with this probability to another of its options, at least one of them.

        Args:
            architecture: One of this space.
            rng: Source of randomness.
            probability: Chance of each choice to change, in [0, 1].

        Returns:
            A valid architecture; the same one only where the space has no neighbour of it.
        """
        self.check(architecture)
        if not 0 <= probability <= 1:
            raise ValueError(f'probability must lie in [0, 1]; received {probability}')
        for _ in range(100):
            options = architecture.as_dict
            for choice in self.choices:
                others = [option for option in choice.options if option != options[choice.name]]
                if rng.random() < probability and others:
                    options[choice.name] = rng.choice(others)
            if options != architecture.as_dict and self._violation(options) is None:
                return self._trusted(options)
        return rng.choice(list(self.neighbours(architecture)) or [architecture])

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        """All valid architectures that differ from this one in a single choice."""
        self.check(architecture)
        for choice in self.choices:
            for option in choice.options:
                options = {**architecture.as_dict, choice.name: option}
                if option != architecture[choice.name] and self._violation(options) is None:
                    yield self._trusted(options)

    def _trusted(self, options: Mapping[str, str], **meta: Any) -> Architecture:
        return Architecture(
            self.name, self.fingerprint, self.seed, self.rule, tuple(options.items()), **meta
        )

    def _violation(self, options: Mapping[str, str]) -> str | None:
        return next((text for c in self.constraints if (text := c.violated(options))), None)

    def _check_options(self, options: Mapping[str, str]) -> None:
        known = {choice.name: choice.options for choice in self.choices}
        unknown = [name for name in options if name not in known]
        missing = [name for name in known if name not in options]
        if unknown or missing:
            raise SpaceError(
                f'every choice of the space needs one option; unknown choices: '
                f'{listed(unknown) or "none"}; missing choices: {listed(missing) or "none"}. '
                f'The choices are {listed(known)}.'
            )
        for name, option in options.items():
            if option not in known[name]:
                raise SpaceError(
                    f'the option of {name!r} must be one of {listed(known[name])}; '
                    f'received {option!r}'
                )
        violation = self._violation(options)
        if violation:
            raise SpaceError(f'a constraint of the space is violated: {violation}')
