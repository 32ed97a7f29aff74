"""What the record of a comparison says: a table, how flat the validation curves end, a picture.

The record is OUT/steps.json of compare.py, whose arguments these functions take.
"""

import argparse
import math
import statistics

from mmengine.config import Config

from mmtransfer.cost import cost_table
from mmtransfer.cost.config import build_model
from mmtransfer.cost.counter import count_model
from mmtransfer.cost.noted import with_cost
from mmtransfer.report.curves import Run, draw_curves
from mmtransfer.spaces import read_architecture, space_of

ROWS = ('seed', 'seed-long', 'random', 'adapted')
# Row -> the step that has the cost of its architecture; none: the seed's.
SOURCES = {'adapted': 'found', 'random': 'draw', 'member': 'grown'}


def rows(args: argparse.Namespace) -> list[tuple[str, str]]:
    """Name and title of the rows that were asked for, in the order of the table."""
    titles = {
        'seed': 'seed network, fine-tuned',
        'seed-long': 'seed network, whole budget',
        'random': 'random architecture, same remap',
        'adapted': f'adapted ({args.method})',
        'member': f'adapted ({args.method}), {args.member} blocks',
    }
    return [(name, titles[name]) for name in titles if name in args.rows]


def table(args: argparse.Namespace, done: dict) -> str:
    """Markdown: mean and sample standard deviation over the runs, every single value beside it."""
    seed_config, search = Config.fromfile(args.seed), Config.fromfile(args.search)
    seed = read_architecture(seed_config.model.backbone.architecture)
    size = tuple(search.train_cfg.input_size)
    stride = search.model.backbone.get('output_stride', 32)
    of_seed = with_cost(seed, cost_table(space_of(seed), size, output_stride=stride)).cost or {}
    counts = count_model(build_model(seed_config), size)['madds']
    # Neck and head, the same in all rows; None where one cannot be counted.
    rest = None if counts['total'] is None else counts['total'] - counts['backbone']
    lines = [
        '| row | backbone MAdds (M) | model MAdds (M) | backbone params (M) | '
        f'test {args.metric}: mean ± std (each run) | val, best | search s | fine-tune s |',
        '|---|---|---|---|---|---|---|---|',
    ]
    for row, title in rows(args):
        runs = [s for s in range(args.runs) if f'run{s}/{row}/test' in done]
        if not runs:
            continue
        scores = [done[f'run{s}/{row}/test']['test'][args.metric] for s in runs]
        best = [
            max(p[args.metric] for p in done[f'run{s}/{row}']['curve'] if args.metric in p)
            for s in runs
        ]
        source = SOURCES.get(row)
        costs = [done[f'run{s}/{source}']['cost'] if source else of_seed for s in runs]
        # A network bound by its blocks took a second search, with the same supernet.
        spent = {None: [], 'grown': ['search', 'grown']}.get(source, ['search'])
        searching = [sum(done[f'run{s}/{step}']['seconds'] for step in spent) for s in runs]
        tune = [done[f'run{s}/{row}']['seconds'] for s in runs]
        each = ', '.join(f'{v:.3f}' for v in scores)
        madds = millions([c['madds'] for c in costs], 1)
        whole = '-' if rest is None else millions([c['madds'] + rest for c in costs], 1)
        params = millions([c['params'] for c in costs], 2)
        if source and all('allocation' in done[f'run{s}/{source}'] for s in runs):
            title += ': ' + in_order([done[f'run{s}/{source}']['allocation'] for s in runs])
        lines.append(
            f'| {title} | {madds} | {whole} | {params} | {spread(scores)} ({each}) | '
            f'{spread(best)} | {statistics.mean(searching):.0f} | {statistics.mean(tune):.0f} |'
        )
    return '\n'.join(lines)


def curves(args: argparse.Namespace, done: dict) -> None:
    """OUT/curves.png: loss and validation metric of every run and row, and the mean of each row."""
    runs = []
    for row, title in rows(args):
        for found in (done[f'run{s}/{row}'] for s in range(args.runs) if f'run{s}/{row}' in done):
            metric = [(p['step'], p[args.metric]) for p in found['curve'] if args.metric in p]
            loss = [(float(x), float(y)) for x, y in found['loss']]
            runs.append(Run(title, tuple(loss), tuple(metric)))
    draw_curves(runs, args.metric).savefig(args.output / 'curves.png')


def last_third(args: argparse.Namespace, done: dict) -> str:
    """By how much the validation metric still moves in the last third of the fine-tune.

    Of each row's mean curve: the mean of the later half of that third against the earlier half. The
    best of a noisy curve rises with the number of looks alone, so it stands beside it.
    """
    parts = []
    for row, title in rows(args):
        by_step = [
            {
                point['step']: point[args.metric]
                for point in done[f'run{seed}/{row}']['curve']
                if args.metric in point
            }
            for seed in range(args.runs)
            if f'run{seed}/{row}' in done
        ]
        # A run that was stopped in a validation lacks that one.
        common = sorted(set.intersection(*map(set, by_step))) if by_step else []
        if len(common) < 6:
            continue
        curves = [[curve[step] for step in common] for curve in by_step]
        mean = [statistics.mean(values) for values in zip(*curves, strict=True)]
        first = math.ceil(len(mean) * 2 / 3)
        third, half = mean[first:], (len(mean) - first) // 2
        moved = statistics.mean(third[-half:]) / statistics.mean(third[:half]) - 1
        rise = statistics.mean(max(c) / max(c[:first]) - 1 for c in curves)
        parts.append(f'{title} {moved:+.1%} (best {rise:+.1%})')
    return 'Val over the last third of the fine-tune: ' + '; '.join(parts) + '.'


def millions(values: list[float], digits: int) -> str:
    """In the order of the runs; once where all are the same."""
    return in_order([f'{value / 1e6:.{digits}f}' for value in values])


def in_order(values: list[str]) -> str:
    """One per run, or the one that all have."""
    return ', '.join(values if len(set(values)) > 1 else values[:1])


def spread(values: list[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else float('nan')
    return f'{statistics.mean(values):.3f} ± {deviation:.3f}'
