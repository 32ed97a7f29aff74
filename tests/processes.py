"""Processes for tests: forked from one that has imported the toolboxes, which takes ten seconds.

That one begins with the first process that a test asks for, and ends with the tests.
"""

import contextlib
import multiprocessing
import os
import runpy
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

_CONTEXT = multiprocessing.get_context('forkserver')
_CONTEXT.set_forkserver_preload(['tests.preload'])


class Started:
    """A process that calls a function of a module; what it prints is kept."""

    def __init__(self, function: Callable, *args: Any, env: Mapping[str, str] | None = None):
        self._output = Path(tempfile.mkdtemp())
        call = (function, args, {**os.environ, **(env or {})}, self._output)
        self._process = _CONTEXT.Process(target=_call, args=call)
        self._process.start()

    def finish(self, timeout: float = 300) -> CompletedProcess:
        """Wait for its end: its exit status, or minus the signal, and what it printed.

        Raises:
            TimeoutError: It still ran after so many seconds, and was killed.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            self._process.kill()
            raise TimeoutError(f'a process must end within {timeout} s')
        texts = [(self._output / name).read_text() for name in ('stdout', 'stderr')]
        shutil.rmtree(self._output)
        return CompletedProcess([], self._process.exitcode, *texts)


def run(function: Callable, *args: Any, env: Mapping[str, str] | None = None) -> CompletedProcess:
    """Call a function of a module in a process of its own and wait for its end."""
    return Started(function, *args, env=env).finish()


def run_program(file: str | Path, *arguments: Any, folder: str | Path = '.') -> CompletedProcess:
    """Run a program of Python in a folder, as ``python FILE ARGUMENTS`` would."""
    return run(_program, str(file), [str(a) for a in arguments], str(folder))


def free_port() -> int:
    """A port of this machine that nothing listens at."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def run_ranks(worker: Callable[[int, int, str], None], folder: Path, ranks: int = 2) -> None:
    """Call ``worker(rank, port, folder)`` in so many processes; an error of one is raised."""
    from torch.multiprocessing import start_processes

    start_processes(worker, (free_port(), str(folder)), ranks, start_method='forkserver')


def _call(function: Callable, args: tuple, environment: dict[str, str], output: Path) -> None:
    for stream, name in ((1, 'stdout'), (2, 'stderr')):
        os.dup2(os.open(output / name, os.O_WRONLY | os.O_CREAT), stream)
    os.environ.clear()
    os.environ.update(environment)
    function(*args)


def _program(file: str, arguments: list[str], folder: str) -> None:
    sys.argv = [file, *arguments]
    sys.path.insert(0, str(Path(file).parent))
    with contextlib.chdir(folder):
        runpy.run_path(file, run_name='__main__')
