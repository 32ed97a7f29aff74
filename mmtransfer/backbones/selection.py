"""Which options of a supernet run, and for how long that may not change."""

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.autograd import Variable

from mmtransfer.architecture import Architecture

# The selection of architecture steps: all candidates, weighted by their probabilities.
MIXTURE = 'mixture'

Selection = Architecture | str


class SelectionError(RuntimeError):
    """A selection that is none, or a change while gradients of the old one are outstanding."""


class PendingBackward:
    """Forward passes whose backward pass has not ended yet.

    A forward pass counts from ``watch`` until the end of the first backward pass that reaches
    one of its outputs, or until ``clear``.
    """

    def __init__(self) -> None:
        self._passes: set[int] = set()
        self._next = 0

    def __bool__(self) -> bool:
        return bool(self._passes)

    def __len__(self) -> int:
        return len(self._passes)

    def clear(self) -> None:
        """Forget them all."""
        self._passes.clear()

    def watch(self, outputs: Sequence[Tensor]) -> None:
        """Count one forward pass; outputs without a gradient have no backward pass to wait for."""
        watched = [output for output in outputs if output.requires_grad]
        if not watched:
            return
        number, self._next = self._next, self._next + 1
        self._passes.add(number)
        hook = self._at_end_of_backward(number)
        for output in watched:
            output.register_hook(hook)

    def _at_end_of_backward(self, number: int) -> Callable[[Tensor], None]:
        queued = False

        def end() -> None:
            self._passes.discard(number)

        def hook(_: Tensor) -> None:
            nonlocal queued
            if not queued:
                queued = True
                Variable._execution_engine.queue_callback(end)

        return hook
