"""What the command lines of the tools share. Nothing here imports a toolbox, so that ``--help`` and
wrong arguments are answered at once."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from mmtransfer.files import own_config

CONFIGS = ('.py', '.json', '.yml', '.yaml')
CHECKPOINTS = ('.pth', '.pt', '.ckpt', '.bin', '.safetensors')
PICTURES = ('.png', '.pdf', '.svg', '.jpg', '.jpeg', '.webp', '.eps')


def tool_parser(doc: str) -> argparse.ArgumentParser:
    """A parser whose description is the first line of a tool's docstring, with ``--debug``."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument('--debug', action='store_true', help='show the traceback of an error')
    return parser


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --work-dir, --cfg-options and --launcher to a parser."""
    parser.add_argument(
        '--work-dir', type=folder, help='where to write; default work_dirs/<name of the config>'
    )
    add_cfg_options(parser)
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    # Launchers older than torchrun pass it on the command line.
    parser.add_argument('--local-rank', '--local_rank', type=int, help=argparse.SUPPRESS)


def add_cfg_options(parser: argparse.ArgumentParser, text: str = 'settings to change, as') -> None:
    """Add --cfg-options to a parser, with this beginning of its help text."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        type=option,
        default=[],
        metavar='KEY=VALUE',
        help=f'{text} train_cfg.max_epochs=2 or model.neck.num_outs=4',
    )


def option(text: str) -> str:
    """A ``KEY=VALUE``, as it was written."""
    key, equals, _ = text.partition('=')
    if not key or not equals:
        raise argparse.ArgumentTypeError(
            f'each must read KEY=VALUE; received {text!r}. All words up to the next one that '
            'begins with -- are options: put the files before them, and quote values with blanks.'
        )
    return text


def config_file(text: str) -> str:
    """The path of a config that exists; ``mmtransfer::fna/retinanet_mbv2_search.py`` is ours."""
    text = str(own_config(text) or text)
    path = Path(text)
    if path.suffix in CHECKPOINTS:
        raise argparse.ArgumentTypeError(
            f"a config was expected; '{text}' is named like a checkpoint. Are the arguments in "
            'another order?'
        )
    _must_exist(text, 'the config')
    if path.is_dir() or path.suffix not in CONFIGS:
        raise argparse.ArgumentTypeError(
            f"a config must be a file that ends in {', '.join(CONFIGS)}; '{text}' is "
            f'{"a folder" if path.is_dir() else "none"}'
        )
    return text


def checkpoint(text: str) -> str:
    """A checkpoint or a work directory that exists, or an address."""
    if '://' in text:
        return text
    if Path(text).suffix in CONFIGS:
        raise argparse.ArgumentTypeError(
            f"a checkpoint was expected; '{text}' is named like a config. Are the arguments in "
            'another order?'
        )
    _must_exist(text, 'the checkpoint')
    return text


def output_file(text: str) -> Path:
    """A file that can be written, in a folder that there need not be yet."""
    path = Path(text)
    if not path.name or path.is_dir():
        raise argparse.ArgumentTypeError(
            f"the output must be a file; '{text}' is a folder. Name a file in it."
        )
    folder(str(path.parent))
    return path


def picture(text: str) -> Path:
    """A picture that can be written."""
    path = output_file(text)
    if path.suffix.lower() not in PICTURES:
        raise argparse.ArgumentTypeError(
            f"a picture must end in one of {', '.join(PICTURES)}; received '{text}'"
        )
    return path


def folder(text: str) -> str:
    """A folder that can be written into, or made."""
    path = Path(text)
    if not text:
        raise argparse.ArgumentTypeError('a folder was expected; received an empty name')
    there = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
    if not there.is_dir():
        raise argparse.ArgumentTypeError(f"'{text}' must be a folder, but '{there}' is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise argparse.ArgumentTypeError(
            f"'{text}' must be a folder that you may write into; '{there}' is not. Name another."
        )
    return text


def cost(text: str) -> float | str:
    """A number, or the text itself; what it means is for a table of costs to say."""
    try:
        return float(text)
    except ValueError:
        return text


def at_least(smallest: int) -> Callable[[str], int]:
    """A parser of whole numbers from ``smallest`` on."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = smallest - 1
        if value < smallest:
            raise argparse.ArgumentTypeError(
                f'must be a whole number, at least {smallest}; received {text!r}'
            )
        return value

    return number


positive = at_least(1)


def _must_exist(text: str, what: str) -> None:
    if not text:
        raise argparse.ArgumentTypeError(f'{what} must be named; received an empty name')
    if not Path(text).exists():
        raise argparse.ArgumentTypeError(
            f"{what} must exist; there is no '{text}' (working directory '{os.getcwd()}')"
        )
