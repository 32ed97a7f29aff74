"""Small supernets, and the plain network that one of their paths is."""

import random

import torch

from mmtransfer.architecture import Architecture
from mmtransfer.backbones import AdaptedBackbone, FNASupernet
from mmtransfer.seeds import SEEDS
from mmtransfer.spaces import network

SMALL = dict(layers=(2, 3, 1, 1, 2, 1), kernels=(3, 5), expansions=(1, 3))


def supernet(seed='mobilenet_v2', **kwargs) -> FNASupernet:
    torch.manual_seed(0)
    own = {op for stage in SEEDS[seed].stages for op in stage.ops}
    plain = dict(ops=('k3g1', 'k5g2')) if own == {'k3g1'} else {}
    small = SMALL if SEEDS[seed].kind.space == 'mbconv' else plain
    net = FNASupernet(seed, **(small | kwargs)).double()
    stir(net)
    return net


def stir(net: torch.nn.Module) -> None:
    """Batch norms as after some training, so that a swapped tensor shows."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in net.state_dict().items():
        if tensor.dim() == 1 and name.endswith(('weight', 'running_var')):
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
        elif tensor.dim() == 1 and name.endswith(('bias', 'running_mean')):
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.1)


def path(net: FNASupernet, seed: int = 0) -> Architecture:
    return net.space.sample(random.Random(seed))


def origins(net: FNASupernet, architecture: Architecture) -> dict[str, str]:
    """Tensor of the plain network -> the same tensor in the supernet."""
    blocks = {}
    for node in network(architecture).nodes:
        if node.choice is not None:
            position = node.choice.partition('.layer')[2]
            blocks[node.name] = f'stages.{node.stage}.{position}.{node.op.text}'
    names = {}
    with torch.device('meta'):  # whose tensors have no values, which takes no time
        plain = AdaptedBackbone(architecture)
    for name in plain.state_dict():
        block = '.'.join(name.split('.')[:3])
        names[name] = blocks.get(block, block) + name[len(block) :]
    return names


def extracted(net: FNASupernet, architecture: Architecture, **kwargs) -> AdaptedBackbone:
    """The plain network of a path with the path's own weights."""
    names = ('out_indices', 'expand_indices', 'output_stride', 'channels_last')
    same = {n: getattr(net, n) for n in names}
    with torch.device('meta'):
        plain = AdaptedBackbone(architecture, **same, **kwargs).double()
    plain.to_empty(device='cpu')
    state = net.state_dict()
    names = origins(net, architecture)
    plain.load_state_dict({ours: state[theirs].clone() for ours, theirs in names.items()})
    return plain.train(net.training)


def images(size=(17, 24), batch=2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(batch, 3, *size, generator=generator, dtype=torch.float64)


def loss(features) -> torch.Tensor:
    return sum((f * f.detach().cos()).sum() for f in features)
