"""What shared evaluation saves in a greedy block search, as ratios to one-by-one evaluation.

1. Backbone alone: the candidates of one step on the same batches, features only. 2. The whole
evaluation of Faster R-CNN with FPN: predictions for the candidates of one step (mmdet, random
weights). 3. Block evaluations of a whole search, counted: each step of a chain that ends with the
named allocation.

Run: ``python benchmarks/greedy_search.py [--seed efficientnet_lite0] [--size 128 128]``
"""

import argparse
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.backbones import DepthSupernet
from mmtransfer.cost.table import cost_table
from mmtransfer.engine.shared_evaluation import BlockCount, Prefixes
from mmtransfer.search import ladder
from mmtransfer.search.sizes import one_more
from mmtransfer.seeds import closest_to_seed, find_seed


def step_of(supernet: Any, current: Architecture) -> list[Architecture]:
    """The candidates that grow a network by one block."""
    return list(one_more(supernet.space, current, ladder(supernet.space)))


def run_step(
    supernet: Any, candidates: Sequence[Architecture], evaluate: Callable[[], Any], shared: bool
) -> tuple[list[Any], BlockCount]:
    """Evaluate the candidates on one batch; results and block evaluations."""
    count = BlockCount()
    prefixes = Prefixes(supernet, candidates, count)
    results = []
    supernet.through = prefixes
    try:
        for candidate in candidates:
            if not shared:
                prefixes.forget()
            with supernet.evaluating(candidate), prefixes.of(candidate):
                results.append(evaluate())
    finally:
        supernet.through = None
    return results, count


def ratio(
    supernet: Any, candidates: Sequence[Architecture], evaluate: Callable, repeat: int
) -> dict:
    """Median of the pairwise ratios of processor time, shared / one by one, taken in turn."""
    pairs = []
    for number in range(repeat + 1):
        pair = []
        for shared in (True, False) if number % 2 else (False, True):
            began = time.process_time()
            results, count = run_step(supernet, candidates, evaluate, shared)
            pair.append((shared, time.process_time() - began, count))
        if number:
            pairs.append(dict((shared, (seconds, count)) for shared, seconds, count in pair))
    del results
    return {
        'shared s': statistics.median(p[True][0] for p in pairs),
        'one by one s': statistics.median(p[False][0] for p in pairs),
        'time ratio': statistics.median(p[True][0] / p[False][0] for p in pairs),
        'blocks run': pairs[0][True][1].run,
        'blocks one by one': pairs[0][False][1].run,
    }


def detector(seed: str, most: Sequence[int] | None) -> Any:
    """mmdet's Faster R-CNN with FPN on a depth supernet, random weights."""
    from mmdet.registry import MODELS

    path = Config._get_cfg_path('mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', '')[0]
    cfg = Config.fromfile(path)
    init_default_scope('mmdet')
    cfg.model.backbone = dict(type='mmtransfer.DepthSupernet', seed=seed, max_blocks=most)
    indices = find_seed(seed).feature_stages
    cfg.model.neck.in_channels = [find_seed(seed).stages[i].channels for i in indices]
    return MODELS.build(cfg.model).eval()


def detection(model: Any, size: tuple[int, int], batch: int) -> Callable[[], Any]:
    """A prediction step on made images."""
    from mmdet.structures import DetDataSample

    meta = dict(img_shape=size, pad_shape=size, ori_shape=size, scale_factor=(1.0, 1.0))
    inputs = [torch.randint(0, 256, (3, *size), dtype=torch.uint8) for _ in range(batch)]

    def predict() -> Any:
        samples = [DetDataSample(metainfo=meta) for _ in inputs]
        return model.val_step(dict(inputs=list(inputs), data_samples=samples))

    return predict


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
    args = parser.parse_args()
    compat.apply()
    torch.manual_seed(0)
    size = (args.size[0], args.size[1])
    most = args.max_blocks
    if most is None:
        most = [len(c.options) + 1 for c in DepthSupernet(args.seed).space.choices]
    model = detector(args.seed, most)
    supernet = model.backbone
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
        one, two = (
            run_step(supernet, candidates, lambda: supernet(x), s)[0] for s in (False, True)
        )
        equal = all(torch.equal(a, b) for p, q in zip(one, two, strict=True)
                    for a, b in zip(p, q, strict=True))  # fmt: skip
        for name, result in (
            ('backbone (goal <= 0.6)',
             {**ratio(supernet, candidates, lambda: supernet(x), args.repeat), 'equal': equal}),
            ('whole evaluation (Faster R-CNN, FPN)',
             ratio(supernet, candidates, detection(model, size, args.batch), args.repeat)),
            (f'whole search from one block a stage to {shown}, per batch',
             whole_search(supernet, current)),
        ):  # fmt: skip
            print(f'\n{name}')
            for key, value in result.items():
                text = f'{value:.3f}' if isinstance(value, float) else str(value)
                print(f'  {key:20s} {text}')


if __name__ == '__main__':
    main()
