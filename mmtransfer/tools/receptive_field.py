"""Effective receptive fields side by side: python tools/receptive_field.py A B -o x.png

A network is an architecture file, the name of a seed (resnet50), a seed with its blocks per stage
(resnet50:1,3,7,5), or a config, of whose model the backbone is taken. Without --checkpoint the
weights are random, and the field is the mean over --runs draws of them.

python tools/receptive_field.py resnet50 resnet50:1,3,7,5 -o x.png
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mmtransfer.tools._arguments import at_least, checkpoint, picture, positive, tool_parser
from mmtransfer.tools._config import read_config
from mmtransfer.tools._errors import run_tool
from mmtransfer.tools._figure import write_figure

if TYPE_CHECKING:
    from torch import nn


def builder(network: str) -> Callable[[], 'nn.Module']:
    """What builds the backbone of a network, with random weights.

    Raises:
        ValueError: It is none, or a config whose model has no backbone.
    """
    from mmtransfer.backbones import AdaptedBackbone
    from mmtransfer.spaces import read_architecture

    if network.endswith('.py'):
        return partial(_backbone_of, network)
    return partial(AdaptedBackbone, read_architecture(network))


def _backbone_of(config: str) -> 'nn.Module':
    from torch import nn

    from mmtransfer.cost.config import build_model

    parts = [getattr(m, 'backbone', None) for m in build_model(read_config(config)).modules()]
    backbone = next((part for part in parts if isinstance(part, nn.Module)), None)
    if backbone is None:
        raise ValueError(f'the model of {config} must have a backbone; it has none')
    return backbone


def with_checkpoint(build: Callable[[], 'nn.Module'], checkpoint: str) -> 'nn.Module':
    """The network with the weights of a checkpoint of its own, in any naming known here.

    Raises:
        ValueError: The checkpoint is of another network.
    """
    from mmtransfer.backbones import AdaptedBackbone
    from mmtransfer.checkpoints.tensors import load_tensors
    from mmtransfer.remap.load import load_seed
    from mmtransfer.seeds.namings import choose_prefix

    network = build()
    if isinstance(network, AdaptedBackbone):
        load_seed(network, checkpoint, architecture=network.architecture)
        return network
    tensors = load_tensors(checkpoint)
    place = choose_prefix(tensors, next(iter(network.state_dict())), 'backbone.')
    own = {n.removeprefix(place): t for n, t in tensors.items() if n.startswith(place)}
    try:
        network.load_state_dict(own)
    except RuntimeError as error:
        raise ValueError(f'{checkpoint} must hold the weights of this backbone: {error}') from None
    return network


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__)
    parser.add_argument('networks', nargs='+', help='configs, architecture files or seeds')
    parser.add_argument('-o', '--output', type=picture, required=True, help='picture to write')
    parser.add_argument('--labels', nargs='+', help='one per network; default: as named')
    parser.add_argument(
        '--shape',
        nargs=2,
        type=positive,
        default=(257, 257),
        metavar=('H', 'W'),
        help='input size; with 64 n + 1 the centre neuron sees the centre (default 257 257)',
    )
    parser.add_argument(
        '--stage', type=int, default=-1, help='which of the returned features; default the last'
    )
    parser.add_argument(
        '--checkpoint', nargs='+', type=checkpoint, help='one per network, of that network'
    )
    parser.add_argument('--runs', type=positive, default=20, help='neurons to average (default 20)')
    parser.add_argument('--seed', type=at_least(0), default=0, help='of weights and neurons')
    parser.add_argument(
        '--box', type=float, default=0.5, help="sides of the centre box over the image's"
    )
    args = parser.parse_args(argv)
    for name in ('labels', 'checkpoint'):
        given = getattr(args, name)
        if given and len(given) != len(args.networks):
            parser.error(f'--{name}: {len(args.networks)} networks, {len(given)} given')
    if not 0 < args.box <= 1:
        parser.error(f'--box must lie in (0, 1]; received {args.box}')
    args.labels = args.labels or [
        Path(n).stem if n.endswith(('.py', '.json')) else n for n in args.networks
    ]
    return args


def run(args: argparse.Namespace) -> None:
    """Compute the fields one after the other, and draw them."""
    from mmtransfer.report.receptive_field import draw_fields, mean_field, outside_share

    fields = []
    for i, network in enumerate(args.networks):
        build = builder(network)
        if args.checkpoint:
            build = partial(with_checkpoint, build, args.checkpoint[i])
        field = mean_field(
            build,
            tuple(args.shape),
            stage=args.stage,
            runs=args.runs,
            seed=args.seed,
            random_weights=not args.checkpoint,
        )
        print(f'{args.labels[i]}: {outside_share(field, args.box):.1%} outside the centre box')
        fields.append(field)
    write_figure(draw_fields(fields, args.labels, args.box), args.output)


def main() -> int:
    return run_tool(run, parse_args())


if __name__ == '__main__':
    sys.exit(main())
