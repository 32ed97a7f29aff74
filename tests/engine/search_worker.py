"""One process of a tiny search, for the tests that need processes: ranks, and sudden death.

Arguments: WORK_DIR [--kill-in KIND NUMBER] [--resume]
           [--space SPACE] [--candidates random|shared|alone]

Every selection is written to WORK_DIR/selections.RANK.txt as it is made.
"""

import argparse
import os
import signal
from pathlib import Path

import torch
from mmengine.dist import get_rank
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.engine import search_loop
from mmtransfer.engine.search_loop import SearchLoop
from mmtransfer.models import unwrap
from mmtransfer.randomness import seed_step
from mmtransfer.scoring import held_out
from mmtransfer.search import StepPlan
from tests.engine.joint import joint_config
from tests.engine.test_greedy_search import greedy_config
from tests.engine.tiny import SPACES, search_config


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('work_dir', type=Path)
    parser.add_argument('--kill-in', nargs=2, default=('', '-1'))
    parser.add_argument('--resume', action='store_true')
    parser.add_argument('--space', choices=SPACES, default='mobilenet_v2')
    parser.add_argument(
        '--candidates',
        choices=('random', 'shared', 'alone'),
        help='random search of three, or greedy search with or without shared evaluation',
    )
    parser.add_argument('--joint', action='store_true', help='joint steps; ranks save their model')
    args = parser.parse_args(arguments)
    launcher = 'pytorch' if 'RANK' in os.environ else 'none'
    compat.apply()
    if launcher != 'none':
        compat.init_distributed(launcher)
    config = search_config(args.work_dir, space=args.space)
    if args.candidates in ('shared', 'alone'):
        config = greedy_config(args.work_dir, shared_evaluation=args.candidates == 'shared')
    elif args.candidates == 'random':
        config.train_cfg.update(arch_begin=None, regularisers=[], evaluation=dict(bn_iterations=2))
        config.train_cfg['searcher'] = dict(type='mmtransfer.RandomSearcher', candidates=3)
    if args.joint:
        config = joint_config(args.work_dir, epochs=1)
        config.train_cfg.regularisers.append(dict(type='NodeTerm'))
    config.launcher, config.resume = launcher, args.resume
    config.train_dataloader.batch_size = 2
    config.experiment_name = 'worker'
    kind_to_die, number = args.kill_in[0], int(args.kill_in[1])

    def seed_and_die(seed: int, kind: str, count: int) -> None:
        seed_step(seed, kind, count)
        if kind == kind_to_die and count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    search_loop.seed_step = held_out.seed_step = seed_and_die
    runner = Runner.from_cfg(config)
    rank = get_rank()
    run_step = SearchLoop._step

    def noted_step(loop: SearchLoop, plan: StepPlan, batch):
        out = run_step(loop, plan, batch)
        if plan.kind == 'weights':
            with (args.work_dir / f'selections.{rank}.txt').open('a') as file:
                file.write(f'{loop._iter} {loop.supernet.selection.options}\n')
        return out

    SearchLoop._step = noted_step
    args.work_dir.mkdir(parents=True, exist_ok=True)
    runner.train()
    if args.joint:
        torch.save(unwrap(runner.model).state_dict(), args.work_dir / f'model.{rank}.pth')
    compat.end_distributed()
