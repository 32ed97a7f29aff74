"""How a tool ends: a mistake of its user gets one message, a fault of a program its traceback."""

import argparse
import os
import sys
import traceback
from collections.abc import Callable
from itertools import dropwhile
from pathlib import Path
from types import FrameType

# What constructors raise for settings that they do not take.
_OF_SETTINGS = (ValueError, TypeError, KeyError, AssertionError, AttributeError)
_BUILDS = 'mmengine.registry.build_functions'
_TOOLS = str(Path(__file__).parent)


class UserError(Exception):
    """What was asked for cannot be done; the message says why and how to mend it.

    Attributes:
        status: With which the tool ends.
    """

    status = 2


def run_tool(run: Callable[[argparse.Namespace], int | None], args: argparse.Namespace) -> int:
    """Run a tool; the exit status is what it returns, or that of the error.

    Args:
        run: The tool after its command line was read.
        args: With ``debug``: then errors are raised, whosever they are.
    """
    try:
        return run(args) or 0
    except KeyboardInterrupt:
        print('stopped', file=sys.stderr)
        return 130
    except Exception as error:
        message = None if args.debug else explanation(error)
        if message is None:
            raise
        rank = os.environ.get('RANK', '0')
        where = '' if rank == '0' else f' (process {rank})'
        print(f'{Path(sys.argv[0]).name}{where}: error: {message}', file=sys.stderr)
        return getattr(error, 'status', 2)


def explanation(error: BaseException) -> str | None:
    """What to tell a user, or None where the error may be a fault of a program.

    It is the user's if its type is one of ours, if a file or a module is not what it should be, or
    if it was raised by what reads settings: our code, MMEngine's runner, or a constructor that is
    called with what a config says.
    """
    text = _text(error)
    if isinstance(error, (UserError, OSError, ImportError)):
        return text
    if _is_ours(type(error).__module__):
        return text
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if not isinstance(error, _OF_SETTINGS) or not frames:
        return None
    raised_in = frames[-1].f_globals.get('__name__', '')
    if isinstance(error, ValueError) and (_is_ours(raised_in) or _is_of_tools(frames[-1])):
        return text
    built = [f for f in frames if f.f_globals.get('__name__') == _BUILDS and 'cfg' in f.f_locals]
    if built:
        kind = built[-1].f_locals.get('obj_type', 'a part')
        name = kind if isinstance(kind, str) else getattr(kind, '__name__', kind)
        return f'{name} cannot be built from its config: {text} (--debug shows where)'
    return f'{text} (--debug shows where)' if raised_in.startswith('mmengine.runner.') else None


def _text(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        relative = not Path(os.fsdecode(error.filename)).is_absolute()
        here = f" (working directory '{os.getcwd()}')" if relative else ''
        return f"'{error.filename}': {error.strerror}{here}"
    if isinstance(error, KeyError) and error.args:
        return str(error.args[0])  # str() would put it into quotes
    text = str(error).strip() or type(error).__name__
    if 'Original Traceback' in text:  # of a data loader's worker
        lines = text.splitlines()
        frames = [i for i, line in enumerate(lines) if line.startswith('  File ')]
        end = dropwhile(lambda line: line.startswith(' '), lines[frames[-1] + 1 :])
        return '\n'.join(end)
    return text


def _is_ours(module: str) -> bool:
    return module.partition('.')[0] == 'mmtransfer'


def _is_of_tools(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_TOOLS)
