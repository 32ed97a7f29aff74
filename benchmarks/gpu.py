"""What needs a GPU, in at most 8 minutes: the tests marked cuda, then the ratios of search_step.py.

python benchmarks/gpu.py           # or ``make gpu``, which installs what is missing
python benchmarks/gpu.py --cpu     # the same, small, with a CPU in place of the GPU

Ends with 1 where a test failed or something took longer than it may, and with 2 without a GPU.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 480  # in all


def describe(device: str) -> str:
    """The machine, and which of MMCV's operators it has."""
    from mmcv.ops import get_compiling_cuda_version

    name = platform.processor() or platform.machine()
    if device == 'cuda':
        count, memory = torch.cuda.device_count(), torch.cuda.mem_get_info()[1] / 2**30
        name = f'{count} x {torch.cuda.get_device_name()}, {memory:.0f} GiB'
    built = get_compiling_cuda_version()
    operators = 'CPU operators of MMCV alone' if built == 'not available' else f'CUDA {built}'
    return f'{name}; torch {torch.__version__}, Python {platform.python_version()}, {operators}'


def commands(device: str) -> list[list[str]]:
    """What is run, the scripts as arguments of Python."""
    size = ['--size', '64', '96', '--batch', '1', '--repeat', '1'] if device == 'cpu' else []
    tests = ['-m', 'pytest', 'tests/gpu', '-m', 'cuda', '--device', device, '--durations', '0']
    return [tests, ['benchmarks/search_step.py', '--device', device, *size]]


def run(command: list[str], env: dict[str, str], seconds: float) -> int:
    """The exit status of a command; 124 where it took too long."""
    print(f'\n$ python {" ".join(command)}', flush=True)
    try:
        return subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=env, timeout=seconds
        ).returncode
    except subprocess.TimeoutExpired:
        print(f'stopped after {seconds:.0f} seconds')
        return 124


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--cpu', action='store_true', help='let a CPU stand in for the GPU')
    args = parser.parse_args()
    if not args.cpu and not torch.cuda.is_available():
        print('error: no GPU that PyTorch can use; --cpu runs the same on the CPU', file=sys.stderr)
        return 2
    device, began = 'cpu' if args.cpu else 'cuda', time.monotonic()
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    if args.cpu:
        env |= {'CUDA_VISIBLE_DEVICES': '', 'OMP_NUM_THREADS': env.get('OMP_NUM_THREADS', '1')}
    print(describe(device))
    if device == 'cuda' and torch.cuda.device_count() < 2:
        print('one GPU: the tests that need two are deselected')
    codes = [run(c, env, SECONDS - (time.monotonic() - began)) for c in commands(device)]
    where = 'a CPU in place of a GPU' if args.cpu else torch.cuda.get_device_name()
    print(f'\nran on {where} in {time.monotonic() - began:.0f} s: ', end='')
    print('all passed' if not any(codes) else f'exit codes {codes}')
    return int(any(codes))


if __name__ == '__main__':
    sys.exit(main())
