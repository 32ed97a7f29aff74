"""How far a training has come, read from its log, and how long the rest may take."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# MMEngine's log line: "Epoch(train)  [3][ 20/128]  base_lr: ..." or "Epoch(test) [ 20/128] ...".
_LINE = re.compile(r'Epoch\((train|val|test)\)\s*(?:\[\s*(\d+)\])?\s*\[\s*(\d+)/(\d+)\]')

# An architecture step runs every candidate of every layer, forward and backward. On the CPU that
# costs about this many weight steps; it is only used to guess the time left.
ARCHITECTURE_STEP = 3.0

# Where a training counts iterations it does not say how many make an epoch. Cityscapes has about so
# many at batch 16; this too is only used to guess.
ITERATIONS_OF_AN_EPOCH = 186


@dataclass(frozen=True)
class Position:
    """Where a run stands.

    Args:
        mode: ``'train'``, ``'val'`` or ``'test'``.
        epoch: From 1; 1 where the log names none.
        iteration: Iterations done in this epoch.
        of: Iterations of an epoch.
    """

    mode: str
    epoch: int
    iteration: int
    of: int

    @property
    def epochs(self) -> float:
        """Epochs done, with the fraction of the running one."""
        return self.epoch - 1 + self.iteration / self.of


def read_position(line: str) -> Position | None:
    """The position in a log line, or None if it holds none."""
    match = _LINE.search(line)
    if match is None:
        return None
    mode, epoch, iteration, of = match.groups()
    return Position(mode, int(epoch or 1), int(iteration), int(of))


def expected_work(train_cfg: Mapping[str, Any], epochs: float | None = None) -> float:
    """The work of a training in passes over the whole training set by the plain network.

    Args:
        train_cfg: ``train_cfg`` of a search or fine-tune config, in epochs or in iterations.
        epochs: Count only this many; by default all of them.
    """
    if epochs is not None:
        total = epochs
    elif 'max_epochs' in train_cfg:
        total = train_cfg['max_epochs']
    else:
        total = train_cfg['max_iters'] / ITERATIONS_OF_AN_EPOCH
    searcher, arch_begin = train_cfg.get('searcher') or {}, train_cfg.get('arch_begin')
    if not searcher and 'arch_begin' not in train_cfg:
        return float(total)
    share = 1.0 - (train_cfg.get('split') or {}).get('arch', 0.5)
    if arch_begin is None:  # candidates are scored instead: a third of a pass, twice
        number = searcher.get('candidates', 0)  # a greedy search does not know it before
        number += searcher.get('population', 0) * searcher.get('generations', 0)
        return share * total + (number * 2 / 3 * (1 - share) if epochs is None else 0.0)
    arch, weights = train_cfg.get('alternation', (1, 1))
    mixed = max(0.0, total - arch_begin)
    return share * (total + mixed * ARCHITECTURE_STEP * arch / weights)


def clock(seconds: float) -> str:
    """``75`` -> ``'1:15'``; ``3675`` -> ``'1:01:15'``."""
    minutes, s = divmod(max(0, round(seconds)), 60)
    hours, m = divmod(minutes, 60)
    return f'{hours}:{m:02d}:{s:02d}' if hours else f'{m}:{s:02d}'
