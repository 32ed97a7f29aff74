"""A remap as a value: which tensor comes from where, decided before any tensor is touched.

The core works on layouts (tensor name -> shape) alone. What it refuses, it refuses here, so that
applying a plan (``mmtransfer.remap.apply``) cannot fail half-way through a model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

Shape = tuple[int, ...]
Layout = Mapping[str, Shape]


class RemapError(ValueError):
    """The weights of one network cannot be carried into the other as asked."""


@dataclass(frozen=True)
class Ranking:
    """Which channels are kept where the target has fewer: the highest ones (FNA++, Algorithm 1).

    Attributes:
        by: The measure: ``'bn_scale'``, ``'std'`` or ``'l1'``; see ``mmtransfer.remap.ranking``.
        tensor: The source tensor that ranks; entry i of its first dimension ranks channel i.
    """

    by: str
    tensor: str


@dataclass(frozen=True)
class Move:
    """The fate of one target tensor.

    Attributes:
        target: Its name.
        target_shape: Its shape.
        source: Name of the tensor that it is made from; None: it keeps its own initial value.
        source_shape: Shape of that tensor.
        fill: Value of channels that the source does not have.
        fresh: Output channels that the source does not have keep their own initial values instead.
        groups: Groups of the target when it is made from a dense convolution; otherwise 1.
        ranks: For output and input channels: what ranks them if the target has fewer; None: the
            first ones are kept.
        kernel: Where a smaller kernel's taps go in a larger one: ``'centre'`` or ``'dilate'``.
        colours: The input channels are those of images, and become others as
            ``mmtransfer.remap.rules.fit_colours`` says.
    """

    target: str
    target_shape: Shape
    source: str | None = None
    source_shape: Shape | None = None
    fill: float = 0.0
    fresh: bool = False
    groups: int = 1
    ranks: tuple[Ranking | None, Ranking | None] = (None, None)
    kernel: str = 'centre'
    colours: bool = False

    @property
    def rule(self) -> str:
        """The rules that apply, in words: 'copy', 'first channels', 'centre pad', 'initialise'."""
        if self.source_shape is None:
            return 'initialise'
        names = ['slice groups'] if self.groups > 1 else []
        have, want = list(self.source_shape), self.target_shape
        if self.groups > 1:
            have[1] //= self.groups
        if self.colours and have[1] != want[1]:
            names.append('sum over colours' if want[1] == 1 else 'repeat colours')
            have[1] = want[1]
        channels = list(zip(have[:2], want[:2], strict=True))
        kernel = list(zip(have[2:], want[2:], strict=True))
        cut = [rank for (h, w), rank in zip(channels, self.ranks, strict=False) if h > w]
        names += dict.fromkeys(f'top channels by {r.by}' if r else 'first channels' for r in cut)
        if any(h < w for h, w in channels):
            padded = 'zero pad' if len(want) > 1 else f'pad with {self.fill:g}'
            names.append('fresh channels' if self.fresh else padded)
        if any(h > w for h, w in kernel):
            names.append('centre crop')
        if any(h < w for h, w in kernel):
            names.append('centre pad' if self.kernel == 'centre' else self.kernel)
        return ' + '.join(names) or 'copy'

    @property
    def read(self) -> tuple[str, ...]:
        """Names of all source tensors that the result depends on."""
        named = (self.source, *(rank.tensor for rank in self.ranks if rank))
        return tuple(name for name in named if name is not None)

    def renamed(self, target: str, sources: Callable[[str], str]) -> Move:
        """The same move for another name of the target, and other names of the source's tensors."""
        first, second = (r and replace(r, tensor=sources(r.tensor)) for r in self.ranks)
        source = None if self.source is None else sources(self.source)
        return replace(self, target=target, source=source, ranks=(first, second))


@dataclass(frozen=True)
class RemapPlan:
    """One move for every tensor of the target, and the source tensors that nothing is made from.

    Attributes:
        moves: In the order of the target's state dict; no target occurs twice.
        unused: Names of the source tensors that no move reads.
    """

    moves: tuple[Move, ...]
    unused: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        twice = [name for name, n in Counter(m.target for m in self.moves).items() if n > 1]
        if twice:
            raise RemapError(
                f'Every target tensor must have exactly one fate; several for {_some(twice)}.'
            )
        both = {name for m in self.moves for name in m.read} & set(self.unused)
        if both:
            raise RemapError(f'Source tensors both used and listed as unused: {_some(both)}.')

    def keeping(self, layout: Layout) -> RemapPlan:
        """The same plan with more tensors, which keep their own initial values.

        Args:
            layout: Their names and shapes; what has a fate already keeps it.
        """
        known = {move.target for move in self.moves}
        more = (Move(n, tuple(shape)) for n, shape in layout.items() if n not in known)
        return replace(self, moves=(*self.moves, *more))

    def explain(self, unused: int = 20) -> str:
        """The plan as a table, one row per module, with totals.

        Args:
            unused: How many names of unused source tensors to list.
        """
        rows: list[tuple[str, ...]] = [('target', 'source', 'shape', 'rule')]
        for (target, source), group in groupby(self.moves, _modules):
            moves = list(group)
            rules = dict.fromkeys(m.rule for m in moves if m.target_shape or len(moves) == 1)
            rules |= dict.fromkeys(f'ranked by {r.tensor}' for m in moves for r in m.ranks if r)
            most = max(len(m.target_shape) for m in moves)
            shapes = dict.fromkeys(_change(m) for m in moves if len(m.target_shape) == most)
            shape = ', '.join(shapes)
            rows.append((target, source or '-', shape, ', '.join(rules)))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        rows.insert(1, tuple('-' * width for width in widths))
        lines = ['  '.join(map(str.ljust, row, widths)).rstrip() for row in rows]
        return '\n'.join([*lines, '', self.summary(unused)])

    def summary(self, unused: int = 20) -> str:
        """How many tensors meet which fate, in two lines.

        Args:
            unused: How many names of unused source tensors to list.
        """
        totals = Counter(m.rule for m in self.moves)
        counts = ', '.join(f'{n} {rule}' for rule, n in totals.most_common())
        rest = (
            f'{len(self.unused)} unused source tensors: {_some(self.unused, unused)}.'
            if self.unused
            else 'Every source tensor is used.'
        )
        return f'{len(self.moves)} target tensors: {counts}.\n{rest}'

    def __str__(self) -> str:
        return self.explain()

    def with_sources(self, names: Mapping[str, str], present: Iterable[str]) -> RemapPlan:
        """The same plan for a source that calls its tensors otherwise.

        Args:
            names: Our name -> the source's name, for every tensor that a move reads.
            present: All names of that source, in order; those without a move become ``unused``.
        """
        moves = tuple(m.renamed(m.target, names.__getitem__) for m in self.moves)
        used = {name for m in moves for name in m.read}
        return RemapPlan(moves, tuple(name for name in present if name not in used))


def plan_remap(
    target: Layout,
    source: Layout,
    source_of: Callable[[str], str | None],
    groups: Mapping[str, int] | None = None,
    images: str | None = None,
) -> RemapPlan:
    """Give every target tensor its fate.

    Args:
        target: Name -> shape of the network that receives weights.
        source: Name -> shape of the network that gives them.
        source_of: Target name -> name of the tensor it is made from, or None to keep its own value.
        groups: Target convolutions with that many groups whose source is dense (Eq. 4).
        images: The target weight whose input channels are those of images.

    Returns:
        The plan. A counter (``num_batches_tracked``) that the source lacks keeps its own value.

    Raises:
        RemapError: A source tensor is missing, or no rule leads from its shape to the target's.
    """
    moves, missing = [], []
    for name, shape in target.items():
        wanted = source_of(name)
        if wanted is not None and wanted not in source:
            if not wanted.endswith('num_batches_tracked'):
                missing.append(wanted)
            wanted = None
        if wanted is None:
            moves.append(Move(name, tuple(shape)))
        else:
            n = (groups or {}).get(name, 1)
            sizes = tuple(shape), tuple(source[wanted])
            moves.append(_move(name, sizes[0], wanted, sizes[1], n, name == images))
    if missing:
        raise RemapError(
            f'The source lacks {len(missing)} tensors that the target is made from: '
            f'{_some(missing)}. It has {len(source)} tensors, the first: {_some(source)}. '
            'Give a source of the network that the plan was made for.'
        )
    used = {m.source for m in moves}
    return RemapPlan(tuple(moves), tuple(name for name in source if name not in used))


def by_block(blocks: Mapping[str, str | None]) -> Callable[[str], str | None]:
    """``source_of`` for networks that correspond block by block.

    Args:
        blocks: Target block -> source block, dotted names without the final dot; None: the block
            keeps its own values. The longest name that contains a tensor decides.

    Returns:
        A function for ``plan_remap``; it raises RemapError for a tensor that lies in no block.
    """

    def source_of(name: str) -> str | None:
        block = name
        while block not in blocks:
            block, dot, _ = block.rpartition('.')
            if not dot:
                raise RemapError(
                    f"Every target tensor needs a fate; '{name}' lies in none of the blocks "
                    f'{_some(blocks)}.'
                )
        origin = blocks[block]
        return None if origin is None else origin + name[len(block) :]

    return source_of


def _move(
    target: str, shape: Shape, source: str, source_shape: Shape, groups: int, colours: bool
) -> Move:
    def refuse(rule: str) -> RemapError:
        return RemapError(
            f"'{target}' {shape} cannot be made from '{source}' {source_shape}: {rule}"
        )

    if len(shape) != len(source_shape):
        raise refuse('both must have the same number of dimensions.')
    if any((a - b) % 2 for a, b in zip(shape[2:], source_shape[2:], strict=True)):
        raise refuse('kernel sizes must differ by an even number, or there is no common centre.')
    if groups > 1:
        if (shape[0], shape[1] * groups) != source_shape[:2] or shape[0] % groups:
            raise refuse(
                f'with {groups} groups the source must be dense, with as many output channels and '
                f'{groups} times the input channels.'
            )
    elif len(shape) == 4 and not colours and (shape[1] == 1) != (source_shape[1] == 1):
        raise refuse('one is depthwise, the other is not; name the number of groups in `groups`.')
    norm = len(shape) == 1 and target.rpartition('.')[2] in ('weight', 'running_var')
    colours = colours and shape[1] != source_shape[1]
    return Move(
        target, shape, source, source_shape, fill=float(norm), groups=groups, colours=colours
    )


def _modules(move: Move) -> tuple[str, str | None]:
    """Names of the modules that own a move's two tensors."""
    source = move.source and (move.source.rpartition('.')[0] or move.source)
    return move.target.rpartition('.')[0] or move.target, source


def _change(move: Move) -> str:
    target = _words(move.target_shape)
    if move.source_shape in (None, move.target_shape):
        return target
    return f'{_words(move.source_shape)} -> {target}'


def _words(shape: Shape | None) -> str:
    return 'x'.join(map(str, shape)) if shape else 'scalar'


def _some(names: Iterable[str | None], limit: int = 5) -> str:
    """The first names, and how many more there are."""
    listed = [str(name) for name in names]
    more = f' ... and {len(listed) - limit} more' if len(listed) > limit else ''
    return ', '.join(listed[:limit]) + more
