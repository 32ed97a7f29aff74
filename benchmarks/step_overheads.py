"""What is added to a step or a pass by what stands around it, as ratios of processor time.

1. Re-estimating the statistics of batch normalisation / a plain training pass over the same
batches: norms alone, and a whole MobileNetV2. 2. A weight step of a search on two processes (gloo)
with averaged gradients / the same step without; the bytes that were reduced.

Run: ``python benchmarks/step_overheads.py [--repeat 9]``; for another version of the package
``PYTHONPATH=<its checkout>`` in front.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import nn

from mmtransfer.backbones import AdaptedBackbone, FNASupernet
from mmtransfer.engine.parallel import AverageGradients
from mmtransfer.scoring.bn import reestimate_bn

PORT = 29877


def processor_ratio(first: Callable, second: Callable, repeat: int) -> float:
    """Median over pairs of the processor time of one function over that of the other."""
    ratios = []
    for number in range(repeat + 2):
        times = []
        for function in (first, second):
            began = time.process_time()
            function()
            times.append(time.process_time() - began)
        if number >= 2:
            ratios.append(times[0] / times[1])
    return statistics.median(ratios)


def reestimation(model: nn.Module, batches: list[torch.Tensor], repeat: int) -> float:
    """Ratio 1."""
    model.train()

    @torch.no_grad()
    def plain() -> None:
        for batch in batches:
            model(batch)

    return processor_ratio(lambda: reestimate_bn(model, batches, len(batches)), plain, repeat)


class Searched(BaseModel):
    """A supernet with a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = FNASupernet('mobilenet_v2', out_indices=(6,))
        self.fc = nn.Linear(self.backbone.out_channels[-1], 10)

    def forward(self, inputs: torch.Tensor, mode: str = 'loss') -> dict:
        """Some loss of every output."""
        features = self.backbone(inputs)[-1].mean((2, 3))
        return dict(loss=self.fc(features).square().mean())


class BackwardOnly(OptimWrapper):
    """No optimiser's step, which is the same with and without."""

    def update_params(self, loss: torch.Tensor, *args, **kwargs) -> None:
        """The backward pass."""
        self.backward(loss)


def rank(number: int, repeat: int) -> None:
    """Ratio 2, in one of two processes."""
    torch.set_num_threads(1)
    address = f'tcp://127.0.0.1:{PORT}'
    dist.init_process_group('gloo', init_method=address, rank=number, world_size=2)
    torch.manual_seed(0)
    model = Searched()
    wrapped = AverageGradients(model)
    optimiser = BackwardOnly(optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    data = dict(inputs=torch.randn(2, 3, 64, 64))
    path = model.backbone.space.sample(random.Random(0))

    def step(of: nn.Module) -> None:
        model.zero_grad()
        model.backbone.select(path)
        of.train_step(data, optimiser)  # type: ignore[operator]
        model.backbone.release()

    ratio = processor_ratio(lambda: step(wrapped), lambda: step(model), repeat)
    if number == 0:
        print(f'  weight step on two processes {ratio:.2f}, {wrapped.reduced_bytes / 1e6:.1f} MB')
    dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeat', type=int, default=9)
    repeat = parser.parse_args().repeat
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print('re-estimation of statistics / a plain pass')
    norms = nn.Sequential(*(nn.BatchNorm2d(64) for _ in range(6)))
    alone = reestimation(norms, [torch.randn(8, 64, 56, 56) for _ in range(4)], repeat)
    print(f'  norms alone {alone:.2f}')
    network = AdaptedBackbone('mobilenet_v2', out_indices=(6,))
    whole = reestimation(network, [torch.randn(4, 3, 128, 128) for _ in range(2)], repeat)
    print(f'  MobileNetV2 {whole:.2f}')
    print('averaged gradients / without')
    mp.start_processes(rank, args=(repeat,), nprocs=2, start_method='spawn')


if __name__ == '__main__':
    main()
