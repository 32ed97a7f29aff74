"""Measure how long each option of a supernet takes, forward, at the shapes it meets in a search."""

import itertools
import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor

from mmtransfer.cost.additive import AdditiveTable
from mmtransfer.cost.formulas import Size
from mmtransfer.cost.latency import latency_table
from mmtransfer.seeds import SKIP
from mmtransfer.spaces import space_stages

Job = Callable[[], Any]
Key = TypeVar('Key', bound=Hashable)
FIXED = ('fixed', '')


def median_times(
    jobs: Mapping[Key, Job], repeats: int, warmup: int = 3, device: str = 'cpu'
) -> dict[Key, float]:
    """Median time of each job in milliseconds.

    Every round runs each job once, in turn, so that a machine that slows down for a while slows all
    of them, and caches are as cold as inside a network.

    Args:
        jobs: What to time.
        repeats: Rounds that count, at least 1.
        warmup: Rounds before them that do not.
        device: ``'cpu'``, or ``'cuda'`` to wait for the card.
    """
    clock = _cuda_ms if device == 'cuda' else _wall_ms
    rounds = [{key: clock(job) for key, job in jobs.items()} for _ in range(warmup + repeats)]
    return {key: statistics.median(r[key] for r in rounds[warmup:]) for key in jobs}


def _wall_ms(job: Job) -> float:
    began = time.perf_counter_ns()
    job()
    return (time.perf_counter_ns() - began) / 1e6


def _cuda_ms(job: Job) -> float:
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    begin.record()
    job()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end)


def supernet_jobs(supernet: Any, images: Tensor) -> dict[tuple[str, str], Job]:
    """The jobs of a latency table: ``FIXED``, and (choice, option) for all options but skips.

    Args:
        supernet: A backbone with ``space``, ``begin`` and ``stages``, where a searched stage has
            one module dict of candidates per choice; or, where depth alone is searched, its blocks.
        images: (N, C, H, W), of the supernet's device and dtype.

    Returns:
        What to hand to :func:`median_times`, in evaluation mode and without gradients. Where depth
        is searched, option n stands for the n-th block alone.
    """
    supernet.eval()
    fixed: list[tuple[Any, Tensor]] = []
    jobs: dict[tuple[str, str], Job] = {FIXED: lambda: [_run(m, x) for m, x in fixed]}

    def unsearched(module: Any, x: Tensor) -> Tensor:
        fixed.append((module, x))
        return _run(module, x)

    x = unsearched(supernet.begin, images)
    for stage, choices in zip(supernet.stages, space_stages(supernet.space), strict=True):
        if not choices:
            for block in stage:
                x = unsearched(block, x)
            continue
        if supernet.space.name == 'depth':
            numbered = zip(choices[0].options, stage, strict=True)
            layers = [(choices[0], {number: block}) for number, block in numbered]
        else:
            layers = list(zip(choices, stage, strict=True))
        for choice, candidates in layers:
            like = torch.randn_like(x)  # what reaches a layer does not depend on other choices
            for option, block in candidates.items():
                jobs[choice.name, option] = _job(block, like)
            x = _run(block, like)
    return jobs


def _job(module: Any, x: Tensor) -> Job:
    return lambda: _run(module, x)


def _run(module: Any, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return module(x)


def table_of_times(
    supernet: Any, input_size: Size, times: Mapping[tuple[str, str], float]
) -> AdditiveTable:
    """The latency table of what :func:`median_times` found for :func:`supernet_jobs`."""
    entries = {
        c.name: {o: 0.0 if o == SKIP else times[c.name, o] for o in c.options}
        for c in supernet.space.choices
    }
    if supernet.space.name == 'depth':
        for name, own in entries.items():
            entries[name] = dict(zip(own, itertools.accumulate(own.values()), strict=True))
    return latency_table(
        supernet.space,
        input_size,
        times[FIXED],
        entries,
        supernet.output_stride,
        supernet.in_channels,
    )
