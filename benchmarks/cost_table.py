"""Time to build the cost table of RetinaNet's MobileNetV2 space, and the table. Goal: under 1 s.

python benchmarks/cost_table.py
"""

import argparse
import time

from mmtransfer.cost import AdditiveTable, cost_table
from mmtransfer.seeds import SEEDS
from mmtransfer.spaces import mbconv_space, seed_architecture


def show(table: AdditiveTable) -> str:
    """One line per choice, one column per option, in millions."""
    options = list(dict.fromkeys(o for costs in table.entries.values() for o in costs))
    lines = [f'{"":16}' + ''.join(f'{o:>10}' for o in options)]
    for choice, costs in table.entries.items():
        cells = (f'{costs[o] / 1e6:10.3f}' if o in costs else f'{"-":>10}' for o in options)
        lines.append(f'{choice:16}' + ''.join(cells))
    return '\n'.join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seed', choices=SEEDS, default='mobilenet_v2')
    parser.add_argument('--shape', nargs=2, type=int, default=(800, 1088), metavar=('H', 'W'))
    parser.add_argument('--metric', choices=['madds', 'params'], default='madds')
    args = parser.parse_args()

    start = time.perf_counter()
    space = mbconv_space(args.seed)
    table = cost_table(space, tuple(args.shape), args.metric)
    built = time.perf_counter() - start
    assert isinstance(table, AdditiveTable)
    seed = seed_architecture(args.seed)
    start = time.perf_counter()
    cost = table.of(seed)
    looked_up = time.perf_counter() - start

    low, high = table.bounds()
    print(f'{args.metric} of {args.seed} at {args.shape[0]} x {args.shape[1]}, in millions')
    print(show(table))
    print(f'fixed {table.fixed:,}; seed {cost:,}; all architectures {low:,} to {high:,}')
    print(f'build {1e3 * built:.2f} ms (goal: under 1000 ms); one lookup {1e3 * looked_up:.3f} ms')


if __name__ == '__main__':
    main()
