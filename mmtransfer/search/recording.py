"""What a backbone was given and what its modules returned, kept for the terms of one step."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

INPUT = 'input'


def recordable(backbone: nn.Module) -> list[str]:
    """The names of a backbone's nodes, in order: its blocks as ``stages.<stage>.<position>``.

    Empty for one that is not made of stages; its modules can be recorded by their paths.
    """
    stages: Any = getattr(backbone, 'stages', ())
    return [f'stages.{s}.{p}' for s, stage in enumerate(stages) for p in range(len(stage))]


def check_recordable(backbone: nn.Module, names: Iterable[str]) -> None:
    """Refuse names of what a backbone does not have.

    Raises:
        ValueError: Lists what it has.
    """
    known = {INPUT, *(path for path, _ in backbone.named_modules() if path)}
    missing = [name for name in names if name not in known]
    if missing:
        raise ValueError(
            f'what a regulariser records must be {INPUT!r} or a module of the backbone, such as '
            f'{", ".join(recordable(backbone)[:3]) or sorted(known)[:3]}; received {missing}.'
        )


@contextmanager
def recording(
    backbone: nn.Module, names: Iterable[str]
) -> Iterator[tuple[dict[str, Tensor], Callable[[], None]]]:
    """Inside, what runs is kept under its name, with its graph; afterwards all is let go.

    Args:
        backbone: Runs inside; where it does so more than once the last pass counts.
        names: ``'input'``, the images that it is given; and paths of modules, of which the output
            is kept. What is not called has no entry.

    Yields:
        Name -> tensor, and what ends the recording early: it leaves what was kept until then.
    """
    records: dict[str, Any] = {}

    def given(module: nn.Module, args: tuple) -> None:
        records[INPUT] = args[0]

    def returned(name: str, module: nn.Module, args: tuple, output: Any) -> None:
        records[name] = output if isinstance(output, Tensor) else output[0]  # beside expansions

    handles = [
        backbone.register_forward_pre_hook(given)
        if name == INPUT
        else backbone.get_submodule(name).register_forward_hook(partial(returned, name))
        for name in names
    ]

    def end() -> None:
        for handle in handles:
            handle.remove()

    try:
        yield records, end
    finally:
        end()
        records.clear()
