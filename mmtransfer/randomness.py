"""Random draws that need no stored state: each follows from (seed, purpose, counters) alone."""

import hashlib
import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import broadcast_object_list, get_rank


def draw_seed(seed: int, purpose: str, *counters: int) -> int:
    """A 32-bit seed for one draw.

    Nothing random is kept in a checkpoint: a resumed run computes the same number from the same
    iteration, and every rank that passes the same counters draws the same.

    Args:
        seed: The seed of the run.
        purpose: What the draw is for, so that two kinds of draws never share a stream.
        counters: What changes from draw to draw: iteration, epoch, sample, rank.
    """
    text = '/'.join([str(seed), purpose, *map(str, counters)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], 'big')


def draw_rng(seed: int, purpose: str, *counters: int) -> random.Random:
    """A generator that starts from ``draw_seed``."""
    return random.Random(draw_seed(seed, purpose, *counters))


def common_seed(runner) -> int:
    """The seed of the run on rank 0; with ``randomness.diff_rank_seed`` others have another one."""
    seeds = [runner.seed]
    broadcast_object_list(seeds)
    return int(seeds[0])


def seed_step(seed: int, kind: str, number: int) -> None:
    """Start all generators of this process from (seed, kind of step, its number, rank)."""
    drawn = draw_seed(seed, kind, number, get_rank())
    random.seed(drawn)
    np.random.seed(drawn)
    torch.manual_seed(drawn)


def random_state() -> tuple[Any, ...]:
    """The states of the generators of ``random``, NumPy and torch."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda


def set_random_state(state: tuple[Any, ...]) -> None:
    """The inverse of ``random_state``."""
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.set_rng_state(state[2])
    if state[3] is not None:
        torch.cuda.set_rng_state_all(state[3])
