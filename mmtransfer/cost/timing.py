"""Measure how long each option of a supernet takes, forward, at the shapes it meets in a search."""

import statistics
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from mmtransfer.cost.formulas import Size
from mmtransfer.cost.latency import MeasuredTable, latency_table
from mmtransfer.models import Supernet
from mmtransfer.seeds import Network, Node
from mmtransfer.seeds.networks import STEM
from mmtransfer.spaces import record_of

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


def supernet_jobs(supernet: Supernet, images: Tensor) -> dict[tuple[str, str], Job]:
    """The jobs of a latency table: ``FIXED``, and (choice, option) for the nodes that no option
    before it has; where costs do not add up, (node, op) for every node.

    Args:
        supernet: A backbone with ``space``, ``begin`` and its modules under the names of the nodes.
        images: (N, C, H, W), of the supernet's device and dtype.

    Returns:
        What to hand to ``median_times``, in evaluation mode and without gradients. Where depth
        is searched, option n stands for the n-th block alone.
    """
    supernet.eval()
    inputs = _inputs(supernet, images)
    parts = record_of(supernet.space).parts(supernet.space, supernet.output_stride)

    def job(nodes: Iterable[Node], *more: tuple[Any, Tensor]) -> Job:
        ran = [(supernet.get_submodule(n.name), inputs[n.name]) for n in nodes]
        return lambda: [_run(module, x) for module, x in (*more, *ran)]

    begin = (supernet.begin, images)
    if parts is None:
        nodes = _supernet(supernet).nodes
        return {FIXED: job((), begin)} | {(n.name, n.op.text): job([n]) for n in nodes}
    jobs = {FIXED: job(parts.fixed, begin)}
    for name, options in parts.options.items():
        jobs |= {(name, option): job(own) for option, own in _own(options).items() if own}
    return jobs


def _own(options: Mapping[str, Sequence[Node]]) -> dict[str, list[Node]]:
    """Option -> those of its nodes that no option before it has."""
    seen: set[str] = set()
    own = {}
    for option, nodes in options.items():
        own[option] = [node for node in nodes if node.name not in seen]
        seen.update(node.name for node in own[option])
    return own


def _inputs(supernet: Supernet, images: Tensor) -> dict[str, Tensor]:
    """What each node of a supernet is given, by its name; its values are of no importance."""
    outputs = {STEM: _run(supernet.begin, images)}
    inputs: dict[str, Tensor] = {}
    for node in _supernet(supernet).nodes:
        inputs[node.name] = torch.randn_like(outputs[node.inputs[0]])
        module = supernet.get_submodule(node.name)
        outputs[node.name] = _run(module, inputs[node.name])
    return inputs


def _supernet(supernet: Supernet) -> Network:
    return record_of(supernet.space).supernet(supernet.space, supernet.output_stride)


def _run(module: Any, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return module(x)


def table_of_times(
    supernet: Supernet, input_size: Size, times: Mapping[tuple[str, str], float]
) -> MeasuredTable:
    """The latency table of what ``median_times`` found for ``supernet_jobs``."""
    parts = record_of(supernet.space).parts(supernet.space, supernet.output_stride)
    if parts is None:
        entries = {n: {o: times[n, o]} for n, o in times if (n, o) != FIXED}
    else:
        entries = {name: _sums(name, options, times) for name, options in parts.options.items()}
    return latency_table(
        supernet.space,
        input_size,
        times[FIXED],
        entries,
        supernet.output_stride,
        supernet.in_channels,
    )


def _sums(
    name: str, options: Mapping[str, Sequence[Node]], times: Mapping[tuple[str, str], float]
) -> dict[str, float]:
    """Option -> the time of all its nodes, of which some were timed for earlier options."""
    timed = {frozenset(n.name for n in own): o for o, own in _own(options).items() if own}
    return {
        option: sum((times[name, o] for own, o in timed.items() if own <= have), 0.0)
        for option, have in ((o, {n.name for n in nodes}) for o, nodes in options.items())
    }
