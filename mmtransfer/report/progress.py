"""How far a training has come, read from its log, and how long the rest may take."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# MMEngine's log lines: "Epoch(train)  [3][ 20/128]  base_lr: ...", "Epoch(test) [ 20/128] ..." and,
# where iterations are counted, "Iter(train) [  50/20000]  base_lr: ...".
_LINE = re.compile(r'(Epoch|Iter)\((train|val|test)\)\s*(?:\[\s*(\d+)\])?\s*\[\s*(\d+)/(\d+)\]')

# An architecture step runs every candidate of every layer, forward and backward. On the CPU that
# costs about this many weight steps; it is only used to guess the time left.
ARCHITECTURE_STEP = 3.0


@dataclass(frozen=True)
class Position:
    """Where a run stands.

    Args:
        mode: ``'train'``, ``'val'`` or ``'test'``.
        epoch: From 1 (also where the log names none); None in a log that counts iterations.
        iteration: Iterations done, in this epoch or of the whole.
        of: How many there are of them.
    """

    mode: str
    epoch: int | None
    iteration: int
    of: int

    def share(self, train_cfg: Mapping[str, Any]) -> float:
        """The share of all iterations of a training that are done."""
        if self.epoch is None:
            return self.iteration / self.of
        return (self.epoch - 1 + self.iteration / self.of) / train_cfg['max_epochs']

    def length(self, train_cfg: Mapping[str, Any]) -> float | None:
        """Iterations of a pass over the whole training set, as far as the position tells."""
        if train_cfg.get('max_epochs') is None:
            return None
        epoch = self.of if self.epoch is not None else self.of / train_cfg['max_epochs']
        return epoch / _weights_share(train_cfg)

    def __str__(self) -> str:
        """``'epoch 3, iteration 20/128'``."""
        epoch = '' if self.epoch is None else f'epoch {self.epoch}, '
        return f'{epoch}iteration {self.iteration}/{self.of}'


def read_position(line: str) -> Position | None:
    """The position in a log line, or None if it holds none."""
    match = _LINE.search(line)
    if match is None:
        return None
    unit, mode, epoch, iteration, of = match.groups()
    return Position(mode, int(epoch or 1) if unit == 'Epoch' else None, int(iteration), int(of))


def expected_work(
    train_cfg: Mapping[str, Any], share: float | None = None, length: float = 1.0
) -> float:
    """The work of a training in passes over the whole training set by the plain network.

    Args:
        train_cfg: ``train_cfg`` of a search or fine-tune config, in epochs or in iterations.
        share: Count only this share of the iterations; by default all, and what follows them.
        length: Iterations of a pass; it matters where a training counts iterations.
    """
    epochs = train_cfg.get('max_epochs')
    total = float(epochs) if epochs is not None else train_cfg['max_iters'] / length
    done = total if share is None else share * total
    if not _is_search(train_cfg):
        return done
    part = _weights_share(train_cfg)
    searcher = train_cfg.get('searcher') or {}
    steps = {**train_cfg, **searcher}  # the searcher may have the schedule of its steps itself
    arch_begin = steps.get('arch_begin')
    if arch_begin is None:  # candidates are scored instead: a third of a pass, twice
        number = searcher.get('candidates', 0)  # a greedy search does not know it before
        number += searcher.get('population', 0) * searcher.get('generations', 0)
        return part * done + (number * 2 / 3 * (1 - part) if share is None else 0.0)
    arch, weights = steps.get('alternation') or (1, 1)
    mixed = max(0.0, done - arch_begin)
    return part * (done + mixed * ARCHITECTURE_STEP * arch / weights)


def _is_search(train_cfg: Mapping[str, Any]) -> bool:
    return bool(train_cfg.get('searcher')) or 'arch_begin' in train_cfg


def _weights_share(train_cfg: Mapping[str, Any]) -> float:
    """The part of the data that a pass of a training reads."""
    arch = (train_cfg.get('split') or {}).get('arch', 0.5)
    own_data = not isinstance(arch, int | float)  # a data set beside the training set
    return 1.0 if own_data or not _is_search(train_cfg) else 1.0 - arch


def clock(seconds: float) -> str:
    """``75`` -> ``'1:15'``; ``3675`` -> ``'1:01:15'``."""
    minutes, s = divmod(max(0, round(seconds)), 60)
    hours, m = divmod(minutes, 60)
    return f'{hours}:{m:02d}:{s:02d}' if hours else f'{m}:{s:02d}'
