"""The modules of a network that is no chain, and how they run."""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from mmtransfer.seeds import STEM, Node


def place(root: nn.Module, name: str, module: nn.Module) -> None:
    """Add a module under a name such as ``'stages.2.0'``; what is missing on the way becomes a
    module dict."""
    *path, last = name.split('.')
    for part in path:
        if part not in root._modules:
            root.add_module(part, nn.ModuleDict())
        root = root.get_submodule(part)
    root.add_module(last, module)


def last_readers(nodes: Sequence[Node], kept: Iterable[str]) -> dict[str, list[str]]:
    """Name of a node -> the outputs that nobody reads after it, but for those that are kept."""
    last: dict[str, str] = {}
    for node in nodes:
        last.update(dict.fromkeys(node.inputs, node.name))
    for name in kept:
        last.pop(name, None)
    return {n.name: [read for read, by in last.items() if by == n.name] for n in nodes}


def run_graph(
    nodes: Sequence[Node], run: Callable[..., Tensor], x: Tensor, kept: Sequence[str]
) -> dict[str, Tensor]:
    """Run nodes in their order; an output is freed when all have read it.

    Args:
        nodes: Each reads earlier ones, or ``mmtransfer.seeds.STEM``.
        run: Called with a node and with its inputs, if its op joins them, else with their sum;
            returns the node's output.
        x: The features before the first stage.
        kept: Names of the outputs to return.

    Returns:
        Name -> output, of those that are kept.
    """
    outputs = {STEM: x}
    done = last_readers(nodes, kept)
    for node in nodes:
        inputs = [outputs[name] for name in node.inputs]
        outputs[node.name] = run(node, *(inputs if node.op.joins else [reduce(torch.add, inputs)]))
        for name in done[node.name]:
            del outputs[name]
    return {name: outputs[name] for name in kept}
