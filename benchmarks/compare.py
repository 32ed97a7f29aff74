"""The comparison behind docs/results.md: seed, seed with the whole budget, random, adapted; n runs.

Each run repeats search and fine-tune with its own random seed. Rows of one run share the schedule;
"seed, whole budget" fine-tunes the seed network for as long (by wall time) as search and fine-tune
took together; "random" is a random architecture of the adapted one's cost, remapped the same way.
The checkpoint is chosen on val and reported on test.

    python benchmarks/compare.py configs/fna/retinanet_efflite0_{seed,search,adapt}_bccd.py \\
        --metric coco/bbox_mAP --runs 3 -o work_dirs/compare_bccd

A stopped comparison goes on where it was: every finished step is in OUT/steps.json, and a training
resumes from its last checkpoint. Those of docs/results.md are in benchmarks/records/: copied to
OUT/steps.json they give table and curves, and rows that need no search can be added to them.

With --member N there is another row, the network of N blocks that the greedy block search finds
when it is bound by their number and not by a cost:

    blocks=configs/block_allocation/faster-rcnn_efflite0
    python benchmarks/compare.py ${blocks}_{default,greedy,child}_bccd.py --member 14 \\
        --metric coco/bbox_mAP --method 'block allocation' -o work_dirs/compare_blocks

An ablation needs some of the rows, and searches that another comparison has made:

    fna=configs/fna/retinanet_efflite0
    python benchmarks/compare.py ${fna}_{seed,search,adapt-seed}_bccd.py --rows adapted \\
        --searches work_dirs/compare_bccd --metric coco/bbox_mAP -o work_dirs/compare_bccd_from-seed
"""

import argparse
import json
import math
import os
import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from comparison import ROWS, curves, last_third, table
from mmengine.config import Config

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.cost.metrics import METRICS
from mmtransfer.cost.noted import with_cost
from mmtransfer.cost.table import table_for
from mmtransfer.files import write_atomically
from mmtransfer.hooks.chain_report import label
from mmtransfer.hooks.remap import remap_hooks
from mmtransfer.report.curves import read_run
from mmtransfer.search import CostBound
from mmtransfer.spaces import space_of

ROOT = Path(__file__).resolve().parent.parent
_LOCK = Lock()


class Steps:
    """Finished steps with their wall time and result, kept in one JSON file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done = json.loads(path.read_text()) if path.exists() else {}

    def once(self, name: str, function, *args) -> dict:
        """The result of a step; it runs only if no earlier call has finished it."""
        if name in self.done:
            return self.done[name]
        print(f'[{time.strftime("%H:%M:%S")}] {name}', flush=True)
        began = time.perf_counter()
        result = function(*args)
        with _LOCK:
            # A training says itself how long it took.
            self.done[name] = {'seconds': time.perf_counter() - began, **result}
            write_atomically(json.dumps(self.done, indent=1), self.path)
        return self.done[name]


def call(log: Path, *command: str, threads: int) -> None:
    """Run a tool; its output goes to a file, whose end is shown if it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), PYTHONPATH=str(ROOT))
    with log.open('w') as out:
        code = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT
        ).returncode
    if code:
        raise RuntimeError(f'{" ".join(command)} ended with {code}:\n{log.read_text()[-3000:]}')


def train(config: str, folder: Path, threads: int, **options) -> dict:
    """One training, from its last checkpoint if it was stopped; returns the validation curve of
    every metric and the seconds that it took, what was lost by stopping aside."""
    before, began = seconds_until_stopped(folder), time.perf_counter()
    chosen = [f'{k}={v}' for k, v in options.items()]
    command = ['tools/train.py', config, '--resume', '--work-dir', str(folder)]
    call(folder / 'train.out', *command, '--cfg-options', *chosen, threads=threads)
    seconds = before + time.perf_counter() - began
    curve = {}  # by step: what followed the last checkpoint was run twice
    for file in sorted(folder.glob('*/vis_data/scalars.json')):
        for line in file.read_text().splitlines():
            record = json.loads(line)
            if 'step' in record and 'lr' not in record and 'loss' not in record:
                curve[record['step']] = record
    return {'curve': list(curve.values()), 'seconds': seconds}


def seconds_until_stopped(folder: Path) -> float:
    """Seconds that earlier attempts at a training took, each up to its last checkpoint."""
    pointer, record = folder / 'last_checkpoint', folder / 'seconds.json'
    attempts = sorted(p.name for p in folder.glob('[0-9]*_[0-9]*'))  # named by their start
    if not pointer.exists() or not attempts:  # the checkpoint may be another training's
        return 0.0
    spent = json.loads(record.read_text()) if record.exists() else {}
    saved = Path(pointer.read_text().strip()).stat().st_mtime
    began = time.mktime(time.strptime(attempts[-1], '%Y%m%d_%H%M%S'))
    spent[attempts[-1]] = max(0.0, saved - began)
    write_atomically(json.dumps(spent), record)
    return sum(spent.values())


def test(config: str, folder: Path, threads: int, which: str, **options) -> dict:
    """The best checkpoint (on val) of a training, or the last one, on the test split."""
    pattern = {'best': 'best_*.pth', 'last': 'epoch_*.pth'}[which]
    best = max(folder.glob(pattern), key=lambda p: p.stat().st_mtime)
    out = folder / 'test'
    chosen = [f'{k}={v}' for k, v in options.items()]
    command = ['tools/test.py', config, str(best), '--work-dir', str(out)]
    if chosen:
        command += ['--cfg-options', *chosen]
    call(out / 'test.out', *command, threads=threads)
    newest = max(out.glob('*/*.json'), key=lambda p: p.stat().st_mtime)
    return {'test': json.loads(newest.read_text()), 'checkpoint': best.name}


def random_like(found: Path, out: Path, seed: int, search: Config) -> dict:
    """A random architecture whose cost, in the metric of the search config, is the same to 0.5 %:
    each of them has the same chance."""
    architecture = Architecture.read(found)
    if architecture.cost is None:
        raise ValueError(f'{found} carries no cost; it must come from a search.')
    space, stride = space_of(architecture), search.model.backbone.get('output_stride', 32)
    table = table_for(search.train_cfg, space, stride)
    bound = CostBound.around(table, architecture.cost[METRICS[table.metric].key], 0.005)
    drawn = bound.sample(random.Random(seed))
    with_cost(drawn, table, drawn='random', seed=seed).write(out)
    return described(out)


def described(path: Path) -> dict:
    """Backbone multiply-adds and parameters as the architecture file says, and how many blocks each
    stage has if that is what was searched."""
    found = Architecture.read(path)
    counts = all(option.isdigit() for _, option in found.options)
    allocation = {'allocation': label(found)} if counts else {}
    return {'cost': dict(found.cost or {}), **allocation}


def weights_from(searched: Path, adapt: Config) -> dict[str, str]:
    """The options that let a fine-tune take its weights from this search; none where its config
    takes them from elsewhere, as the ablations 'from seed' and 'from scratch' do."""
    return {f'{key}.checkpoint': str(searched) for key, _ in remap_hooks(adapt)}


def one_run(args: argparse.Namespace, steps: Steps, seed: int) -> None:
    """Every row of one random seed."""
    folder, threads = args.output / f'run{seed}', args.threads
    searched, own = folder / 'search', {'randomness.seed': seed}

    def row(name: str, config: str, **options) -> dict:
        where = folder / name

        def tune() -> dict:
            done = train(config, where, threads, **own, **options)
            return {**done, 'loss': read_run(where, args.metric).loss}

        done = steps.once(f'run{seed}/{name}', tune)
        only = {k: v for k, v in options.items() if k.startswith('model.')}
        steps.once(
            f'run{seed}/{name}/test', lambda: test(config, where, threads, args.checkpoint, **only)
        )
        return done

    if args.searches is not None:
        searched = args.searches / f'run{seed}/search'
    search = steps.once(f'run{seed}/search', search_of, args, seed, searched)
    found = searched / 'architecture.json'
    drawn = folder / 'random.json'
    with _LOCK:  # reading configs is not safe in threads
        search_config, adapt_config = Config.fromfile(args.search), Config.fromfile(args.adapt)
        seed_config = Config.fromfile(args.seed)
    hooks = weights_from(searched, adapt_config)
    if 'adapted' in args.rows:
        steps.once(f'run{seed}/found', described, found)
        row('adapted', args.adapt, **{'model.backbone.architecture': str(found)}, **hooks)
    if 'random' in args.rows:
        steps.once(f'run{seed}/draw', random_like, found, drawn, seed, search_config)
        row('random', args.adapt, **{'model.backbone.architecture': str(drawn)}, **hooks)
    if 'member' in args.rows:
        grown = folder / 'grown'
        steps.once(f'run{seed}/grown', bound_by_blocks, args, seed, searched, grown)
        member = str(grown / 'architecture.json')
        row('member', args.adapt, **{'model.backbone.architecture': member}, **hooks)
    if 'seed' in args.rows:
        row('seed', args.seed)
    if 'seed-long' in args.rows:
        epochs = seed_config.train_cfg.max_epochs
        spent = {name: steps.done.get(f'run{seed}/{name}', {}) for name in ('adapted', 'seed')}
        longer = args.long_epochs or by_time(epochs, search, **spent)
        row('seed-long', args.seed, **stretched(seed_config, longer / epochs, longer))


def search_of(args: argparse.Namespace, seed: int, folder: Path) -> dict:
    """A search of this comparison; or one of an earlier comparison, with the time that it took."""
    if args.searches is None:
        return train(args.search, folder, args.threads, **{'randomness.seed': seed})
    earlier = json.loads((args.searches / 'steps.json').read_text())
    return earlier[f'run{seed}/search']


def bound_by_blocks(args: argparse.Namespace, seed: int, searched: Path, folder: Path) -> dict:
    """The greedy search once more, with the supernet that it trained, up to --member blocks."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / 'last_checkpoint').exists():
        shutil.copy(searched / 'last_checkpoint', folder)  # it knows what was scored
    searcher = {'train_cfg.searcher.target': None, 'train_cfg.searcher.blocks': args.member}
    done = train(args.search, folder, args.threads, **{'randomness.seed': seed, **searcher})
    return {**done, **described(folder / 'architecture.json')}


def by_time(epochs: int, search: dict, adapted: dict, seed: dict) -> int:
    """Epochs of the seed that take as long as search and fine-tune of the adapted together."""
    return math.ceil(epochs * (search['seconds'] + adapted['seconds']) / seed['seconds'])


def stretched(config: Config, scale: float, epochs: int) -> dict[str, object]:
    """The options for a schedule of so many epochs, its milestones at the same shares."""
    options: dict[str, object] = {'train_cfg.max_epochs': epochs}
    for index, scheduler in enumerate(config.param_scheduler):
        if scheduler.get('by_epoch', True) and 'milestones' in scheduler:
            milestones = [round(m * scale) for m in scheduler['milestones']]
            options[f'param_scheduler.{index}.milestones'] = str(milestones).replace(' ', '')
    return options


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('seed', help='config of the plain seed network')
    parser.add_argument('search', help='config of the search')
    parser.add_argument('adapt', help='config of the fine-tune')
    parser.add_argument('--metric', required=True, help='such as coco/bbox_mAP')
    parser.add_argument('--method', default='FNA++', help='its name in the table')
    parser.add_argument('--member', type=int, help='blocks of one more network: see above')
    parser.add_argument(
        '--rows',
        nargs='+',
        choices=ROWS,
        default=ROWS,
        help='by default all; "seed-long" without --long-epochs needs "seed" and "adapted"',
    )
    parser.add_argument(
        '--searches', type=Path, metavar='OUT', help='an earlier comparison whose searches to use'
    )
    parser.add_argument(
        '--checkpoint',
        choices=('best', 'last'),
        default='best',
        help='what is tested: the best on val, or, where test is val, the last',
    )
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument(
        '--long-epochs',
        type=int,
        help='epochs of "seed, whole budget"; by default as many as fill the wall time, which is '
        'fair only on a machine that does nothing else',
    )
    parser.add_argument('--jobs', type=int, default=2, help='runs at a time')
    parser.add_argument('--threads', type=int, default=1, help='threads of each')
    parser.add_argument('-o', '--output', type=Path, required=True)
    args = parser.parse_args()
    compat.apply()
    args.rows = [*args.rows, *(['member'] if args.member else [])]
    args.output = args.output.resolve()
    args.searches = args.searches and args.searches.resolve()
    args.output.mkdir(parents=True, exist_ok=True)
    steps = Steps(args.output / 'steps.json')
    with ThreadPoolExecutor(args.jobs) as pool:
        for future in [pool.submit(one_run, args, steps, s) for s in range(args.runs)]:
            future.result()
    text = table(args, steps.done)
    text += '\n\n' + last_third(args, steps.done)
    (args.output / 'table.md').write_text(text + '\n')
    curves(args, steps.done)
    print(text)


if __name__ == '__main__':
    main()
