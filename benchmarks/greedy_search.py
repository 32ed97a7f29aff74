"""What shared evaluation saves in a greedy block search, as ratios to one-by-one evaluation.

1. Backbone alone: the candidates of one step on the same batches, features only. 2. The whole
evaluation of the candidates of one step, with the data and the model of a search config. 3. Block
evaluations of a whole search, counted: each step of a chain that ends with the named allocation.

Run: ``make data`` once, then
``python benchmarks/greedy_search.py [--seed efficientnet_lite0] [--size 128 128] [--config ...]``
"""

import argparse
import io
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.backbones import DepthSupernet
from mmtransfer.cost.table import cost_table
from mmtransfer.scoring.held_out import HeldOut
from mmtransfer.scoring.shared_prefixes import RememberingBlocks, SharedHeldOut
from mmtransfer.search import ladder
from mmtransfer.search.sizes import one_more
from mmtransfer.spaces import closest_to_seed


def step_of(supernet: Any, current: Architecture) -> list[Architecture]:
    """The candidates that grow a network by one block."""
    return list(one_more(supernet.space, current, ladder(supernet.space)))


def run_step(
    supernet: Any, candidates: Sequence[Architecture], evaluate: Callable[[], Any], shared: bool
) -> tuple[list[Any], RememberingBlocks]:
    """Evaluate the candidates on one batch; results and block evaluations."""
    blocks = RememberingBlocks(supernet)
    results = []
    with blocks.remembering():
        for candidate in candidates:
            blocks.passes = 0
            if not shared:
                blocks.forget()
            with supernet.evaluating(candidate):
                results.append(evaluate())
    return results, blocks


def in_turn(way: Callable[[bool], Any], repeat: int) -> tuple[dict, dict[bool, Any]]:
    """Medians of the processor time of both ways, shared or one by one, over pairs taken in turn
    after one that does not count; and what both returned the last time."""
    pairs, results = [], {}
    for number in range(repeat + 1):
        pair = {}
        for shared in (True, False) if number % 2 else (False, True):
            began = time.process_time()
            results[shared] = way(shared)
            pair[shared] = time.process_time() - began
        pairs.append(pair)
    pairs = pairs[1:]
    return {
        'shared s': statistics.median(p[True] for p in pairs),
        'one by one s': statistics.median(p[False] for p in pairs),
        'time ratio': statistics.median(p[True] / p[False] for p in pairs),
    }, results


def backbone(
    supernet: Any, candidates: Sequence[Architecture], evaluate: Callable, repeat: int
) -> dict:
    """The candidates of one step on one batch."""
    medians, results = in_turn(
        lambda shared: run_step(supernet, candidates, evaluate, shared), repeat
    )
    (together, shared_count), (alone, alone_count) = results[True], results[False]
    return {
        **medians,
        'blocks run': shared_count.run,
        'blocks one by one': alone_count.run,
        'equal': all(
            torch.equal(a, b)
            for features in zip(together, alone, strict=True)
            for a, b in zip(*features, strict=True)
        ),
    }


def whole_evaluation(config: str, repeat: int) -> dict:
    """The scores of one step as the search makes them: data, statistics of the normalisation,
    predictions and metric. Untrained weights; medians over pairs taken in turn."""
    cfg = Config.fromfile(config)
    cfg.model.backbone.init_cfg = None
    quiet = redirect_stdout(io.StringIO())  # COCO's evaluation prints its tables
    with tempfile.TemporaryDirectory() as folder, quiet:
        cfg.work_dir, cfg.log_level = folder, 'ERROR'
        loop: Any = Runner.from_cfg(cfg).build_train_loop(cfg.train_cfg)
        step = step_of(loop.supernet, closest_to_seed(loop.supernet.space))
        together = SharedHeldOut(loop.scoring_inputs(), loop.evaluation)
        alone = HeldOut(loop.scoring_inputs(), loop.evaluation)

        def score(shared: bool) -> list[float]:
            if shared:
                return [found for found, _ in together.together(step).values()]
            return [alone(candidate) for candidate in step]

        medians, scores = in_turn(score, repeat)
    return {**medians, 'equal': scores[True] == scores[False]}


def whole_search(supernet: Any, last: Architecture) -> dict:
    """Blocks per batch over all steps of a random chain from the smallest network to ``last``."""
    steps = ladder(supernet.space)
    current = supernet.space.architecture([options[0] for options in steps.values()])
    run = alone = 0
    rng = random.Random(0)
    x = torch.zeros(1, 3, 32, 32)
    while current != last:
        candidates = step_of(supernet, current)
        _, count = run_step(supernet, candidates, lambda: supernet(x), True)
        run, alone = run + count.run, alone + count.alone
        towards = [c for c in candidates if all(
            int(o) <= int(last[n]) for n, o in c.options)]  # fmt: skip
        current = rng.choice(towards)
    return {'blocks shared': run, 'blocks one by one': alone, 'ratio': run / alone}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seed', default='efficientnet_lite0', help='name of the seed network')
    parser.add_argument('--max-blocks', nargs='+', type=int, help="default: the seed's, and one")
    parser.add_argument('--size', nargs=2, type=int, default=(128, 128), metavar=('H', 'W'))
    parser.add_argument('--batch', type=int, default=1)
    parser.add_argument('--repeat', type=int, default=5)
    parser.add_argument(
        '--config',
        default='configs/block_allocation/faster-rcnn_efflite0_greedy_toy.py',
        help='of the search whose whole evaluation is timed',
    )
    args = parser.parse_args()
    compat.apply()
    torch.manual_seed(0)
    size = (args.size[0], args.size[1])
    most = args.max_blocks
    if most is None:
        most = [len(c.options) + 1 for c in DepthSupernet(args.seed).space.choices]
    supernet = DepthSupernet(args.seed, most).eval()
    current = closest_to_seed(supernet.space)
    candidates = step_of(supernet, current)
    shown = [int(o) for _, o in current.options]
    table = cost_table(supernet.space, size)
    print(f'{platform.processor() or platform.machine()}, torch {torch.__version__}, '
          f'{torch.get_num_threads()} threads, input {size}, batch {args.batch}\n{args.seed}, '
          f'{len(candidates)} candidates that grow {shown} (backbone {table.of(current) / 1e6:.0f} '
          f'M multiply-adds), supernet {most}')  # fmt: skip
    x = torch.randn(args.batch, 3, *size)
    with torch.no_grad():
        measured = backbone(supernet, candidates, lambda: supernet(x), args.repeat)
        chain = whole_search(supernet, current)
    show('backbone (goal <= 0.6)', measured)
    show(f'whole search from one block a stage to {shown}, per batch', chain)
    show(f'whole evaluation, {args.config}', whole_evaluation(args.config, args.repeat))


def show(name: str, values: dict) -> None:
    print(f'\n{name}')
    for key, value in values.items():
        print(f'  {key:20s} {f"{value:.3f}" if isinstance(value, float) else value}')


if __name__ == '__main__':
    main()
