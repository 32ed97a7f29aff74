"""This checkout against another one, as ratios of processor time in the same run.

1. Start-up: imports, a search config read and its model built. 2. A supernet of each kind and the
plain network. 3. A search: weight and architecture steps of a RetinaNet, the loop around them
included. 4. A greedy search: the evaluation of its candidates.

Run: ``make data`` once, then ``python benchmarks/checkouts.py OTHER [--repeat 5]``, where OTHER is
the root of the other checkout. Both run in turn, each time in a process of its own on one core.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent

_RUN = """
import time
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
import mmtransfer.registry
from mmtransfer import compat
compat.apply()

@HOOKS.register_module()
class Clock(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        global began
        if FIRST is None or runner.iter == FIRST:
            began = time.process_time()
    def after_train(self, runner):
        print('SECONDS', time.process_time() - began)

cfg = Config.fromfile(CONFIG)
cfg.work_dir, cfg.val_cfg, cfg.val_dataloader, cfg.val_evaluator = FOLDER, *VALIDATION
cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
cfg.model.backbone.init_cfg = None
cfg.merge_from_dict(OPTIONS)
cfg.custom_hooks = [dict(type='Clock')]
cfg.visualizer = None
Runner.from_cfg(cfg).train()
"""

JOBS = {
    'start-up': """
import time
began = time.process_time() - time.process_time()
from mmengine.config import Config
from mmengine.registry import init_default_scope
import mmtransfer.registry
from mmtransfer import compat
compat.apply()
cfg = Config.fromfile('configs/fna/retinanet_efflite0_search_toy.py')
cfg.model.backbone.init_cfg = None
init_default_scope('mmdet')
from mmdet.registry import MODELS
MODELS.build(cfg.model)
print('SECONDS', time.process_time())
""",
    'FNASupernet': """
import time
from mmtransfer.backbones import FNASupernet
FNASupernet('mobilenet_v2')
began = time.process_time()
for _ in range(5): FNASupernet('mobilenet_v2')
print('SECONDS', time.process_time() - began)
""",
    'DepthSupernet': """
import time
from mmtransfer.backbones import DepthSupernet
DepthSupernet('resnet50')
began = time.process_time()
for _ in range(5): DepthSupernet('resnet50')
print('SECONDS', time.process_time() - began)
""",
    'AdaptedBackbone': """
import time
from mmtransfer.backbones import AdaptedBackbone
AdaptedBackbone('mobilenet_v2')
began = time.process_time()
for _ in range(10): AdaptedBackbone('mobilenet_v2')
print('SECONDS', time.process_time() - began)
""",
    'search': (
        """
CONFIG, FIRST = 'configs/fna/retinanet_efflite0_search_toy.py', 1
VALIDATION = (None, None, None)
OPTIONS = {
    'train_cfg.max_epochs': 2,
    'train_cfg.arch_begin': 0,
    'train_dataloader.dataset.indices': 64,
}
"""
        + _RUN
    ),
    'greedy evaluation': (
        """
from mmengine.config import Config as C
CONFIG, FIRST = 'configs/block_allocation/faster-rcnn_efflite0_greedy_toy.py', None
c = C.fromfile(CONFIG)
VALIDATION = (c.val_cfg, c.val_dataloader, c.val_evaluator)
OPTIONS = {
    'train_cfg.max_epochs': 1,
    'train_cfg.searcher.blocks': 6,
    'train_cfg.searcher.target': None,
    'train_dataloader.dataset.indices': 64,
}
"""
        + _RUN
    ),
}


def seconds(job: str, checkout: Path) -> float:
    """Processor seconds that a job says it took, in a process of its own.

    Args:
        job: Key of ``JOBS``.
        checkout: Root of the package that it imports, and of its configs.
    """
    environment = dict(os.environ, PYTHONPATH=str(checkout), OMP_NUM_THREADS='1')
    with tempfile.TemporaryDirectory() as folder:
        code = f'FOLDER = {folder!r}\n{JOBS[job]}'
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', code],
            cwd=checkout, env=environment, capture_output=True, text=True,
        )  # fmt: skip
    lines = [line.split()[1] for line in done.stdout.splitlines() if line.startswith('SECONDS')]
    if done.returncode or len(lines) != 1:
        raise RuntimeError(f'{job} in {checkout} failed:\n{done.stderr[-2000:]}')
    return float(lines[0])


def main() -> None:
    """Print a line per job: the median ratio of the pairs, and their range."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('other', type=Path, help='root of the other checkout')
    parser.add_argument('--repeat', type=int, default=5, help='pairs per job')
    parser.add_argument('--jobs', nargs='+', choices=JOBS, default=list(JOBS))
    args = parser.parse_args()
    for job in args.jobs:
        pairs = []
        for number in range(args.repeat):
            order = (HERE, args.other) if number % 2 else (args.other, HERE)
            found = {checkout: seconds(job, checkout) for checkout in order}
            pairs.append((found[HERE], found[args.other]))
        ratios = sorted(mine / theirs for mine, theirs in pairs)
        mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f'{job:18s} {statistics.median(ratios):.3f} '
            f'({ratios[0]:.3f} to {ratios[-1]:.3f} in {len(pairs)} pairs; '
            f'{mine:.2f} s here, {theirs:.2f} s there)',
            flush=True,
        )


if __name__ == '__main__':
    main()
