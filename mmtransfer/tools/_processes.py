"""Child processes that do not outlive their parent."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_ON_PARENTS_DEATH = 1  # PR_SET_PDEATHSIG of prctl(2)


def ends_with_parent(parent: int) -> Callable[[], None]:
    """What a child runs first, so that it is told to end when its parent has ended, killed or not.

    Linux only; elsewhere a child that was left behind is found by the lock on its work directory.

    Args:
        parent: Process id of the parent.
    """
    if sys.platform != 'linux':
        return lambda: None
    prctl = ctypes.CDLL(None).prctl

    def begin() -> None:
        prctl(_ON_PARENTS_DEATH, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before
            os._exit(1)

    return begin
