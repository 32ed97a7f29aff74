"""Measure how long every option of a search takes on this device, and write the table.

python tools/measure_latency.py configs/fna/retinanet_mbv2_search.py -o latency.json

A search on this machine uses it with
--cfg-options train_cfg.metric=latency train_cfg.latency_table=latency.json
"""

import argparse
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from mmtransfer.tools._arguments import (
    add_cfg_options,
    config_file,
    output_file,
    positive,
    tool_parser,
)
from mmtransfer.tools._config import check_search, read_config
from mmtransfer.tools._errors import UserError, run_tool

if TYPE_CHECKING:
    from mmtransfer.architecture import Architecture
    from mmtransfer.cost.latency import MeasuredTable, Stamp

SEED = ('seed', '')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__)
    parser.add_argument('config', type=config_file, help='the config of the search')
    parser.add_argument('-o', '--output', type=output_file, required=True, help='latency table')
    parser.add_argument('--batch', type=positive, default=1, help='images per forward pass')
    parser.add_argument('--repeats', type=positive, default=50, help='the median of so many counts')
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
    parser.add_argument('--dtype', choices=['float32', 'float16', 'bfloat16'], default='float32')
    add_cfg_options(parser)
    return parser.parse_args(argv)


def measure(args: argparse.Namespace) -> tuple['MeasuredTable', 'Stamp', 'Architecture', float]:
    """The table, its stamp, the architecture closest to the seed, and its whole backbone's ms."""
    import torch
    from mmengine.registry import init_default_scope

    from mmtransfer.backbones import AdaptedBackbone
    from mmtransfer.cost.config import own_supernet
    from mmtransfer.cost.latency import stamp_here
    from mmtransfer.cost.timing import median_times, supernet_jobs, table_of_times
    from mmtransfer.registry import MODELS
    from mmtransfer.spaces import closest_to_seed

    if args.device == 'cuda' and not torch.cuda.is_available():
        raise UserError('--device cuda needs a graphics card that PyTorch can use; there is none')
    with redirect_stdout(sys.stderr):
        cfg = read_config(args.config, args.cfg_options)
        check_search(cfg)
        init_default_scope(cfg.get('default_scope', 'mmengine'))
        supernet: Any = MODELS.build(own_supernet(cfg.model))
    size = (int(cfg.train_cfg.input_size[0]), int(cfg.train_cfg.input_size[1]))
    stride, seed = supernet.output_stride, closest_to_seed(supernet.space)
    last = len(supernet.stages) - 1
    whole = AdaptedBackbone(
        seed,
        out_indices=(last,),
        norm_cfg=supernet.norm_cfg,
        output_stride=stride,
        channels_last=supernet.channels_last,
        in_channels=supernet.in_channels,
    ).eval()
    images = torch.randn(args.batch, supernet.in_channels, *size)
    images = images.to(args.device, getattr(torch, args.dtype))
    for backbone in (supernet, whole):
        backbone.to(args.device, images.dtype)

    def run_whole() -> None:
        with torch.inference_mode():
            whole(images)

    jobs: dict[tuple[str, str], Callable[[], Any]] = supernet_jobs(supernet, images)
    times = median_times(jobs | {SEED: run_whole}, args.repeats, device=args.device)
    layout = (stride, supernet.channels_last, supernet.in_channels)
    stamp = stamp_here(supernet.space, size, args.device, args.dtype, args.batch, *layout)
    return table_of_times(supernet, size, times), stamp, seed, times[SEED]


def run(args: argparse.Namespace) -> None:
    """Measure, write the table, and say how well it adds up."""
    from mmtransfer.cost.latency import write_latency

    table, stamp, seed, whole = measure(args)
    write_latency(args.output, table, stamp)
    added, (low, high) = table.of(seed), table.bounds()
    print(
        f'{args.output}: {stamp.device_name}, {stamp.threads} CPU threads, {stamp.dtype}, batch '
        f'{stamp.batch}, {stamp.input_size[0]} x {stamp.input_size[1]}'
        f'{", channels last" if stamp.channels_last else ""}\n'
        f'backbones of the space: {low:.4g} to {high:.4g} ms\n'
        f'the seed: {added:.4g} ms as the sum of its layers, {whole:.4g} ms measured whole: the '
        f'table is off by {added / whole - 1:+.1%}'
    )
    if abs(added / whole - 1) > 0.1:
        print(
            'the table does not add up well: is the device busy with something else? Measure while '
            'it is idle, or with more --repeats.',
            file=sys.stderr,
        )


def main() -> int:
    return run_tool(run, parse_args())


if __name__ == '__main__':
    sys.exit(main())
