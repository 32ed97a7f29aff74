"""What a search step costs, as ratios to a named rival in the same run.

1. RetinaNet: a weight step of the supernet / a fine-tune step of the plain network of the same
path. 2. Backbone alone: an architecture step / a literal mixture that runs the candidates one by
   one and differentiates everything; time, peak memory, and the largest difference of the logits'
gradients. 3. Seconds to build the cost table. 4. A forward and a backward pass in channels-last
layout / in the usual one: backbones alone, and a fine-tune step of a whole RetinaNet.

Run: ``python benchmarks/search_step.py [--size 192 256] [--batch 2] [--repeat 15]``, and with
``--device cuda`` on a GPU: ``make gpu``.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmtransfer import compat
from mmtransfer.backbones import MIXTURE, AdaptedBackbone, FNASupernet
from mmtransfer.cost.table import cost_table
from mmtransfer.engine.learning import held_still

GIB = 2**30
DEVICE = torch.device('cpu')


def use_device(name: str) -> None:
    """Compute on this device from here on, ``'cpu'`` or ``'cuda'``."""
    global DEVICE
    DEVICE = torch.device(name)
    if DEVICE.type == 'cuda':
        from mmcv.ops import get_compiling_cuda_version

        if get_compiling_cuda_version() == 'not available':
            from mmdet.models.losses import focal_loss

            focal_loss.sigmoid_focal_loss = focal_loss_in_python


def focal_loss_in_python(
    pred: torch.Tensor, target: torch.Tensor, *args: Any, **kwargs: Any
) -> Any:
    """What MMCV's operator computes, where MMCV was built without CUDA."""
    from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss

    classes = pred.size(1)
    one_hot = torch.nn.functional.one_hot(target, classes + 1)[:, :classes]
    return py_sigmoid_focal_loss(pred, one_hot, *args, **kwargs)


def seconds_of(function: Callable) -> float:
    """Wall time of a call, what it left to the device included."""
    wait = torch.cuda.synchronize if DEVICE.type == 'cuda' else lambda: None
    wait()
    began = time.perf_counter()
    function()
    wait()
    return time.perf_counter() - began


def median_ratio(first: Callable, second: Callable, repeat: int) -> tuple[float, float, float]:
    """Median seconds of two functions run in turn, and the median of the pairwise ratios."""
    times: list[tuple[float, float]] = []
    for number in range(repeat + 2):
        pair = seconds_of(first), seconds_of(second)
        if number >= 2:
            times.append(pair)
    a, b = zip(*times, strict=True)
    ratio = statistics.median(x / y for x, y in times)
    return statistics.median(a), statistics.median(b), ratio


def retinanet(backbone: dict) -> Any:
    """mmdet's RetinaNet with another backbone, without pretrained weights."""
    from mmdet.registry import MODELS

    cfg = Config.fromfile(
        Config._get_cfg_path('mmdet::retinanet/retinanet_r50_fpn_1x_coco.py', '')[0]
    )
    init_default_scope('mmdet')
    cfg.model.backbone = backbone
    cfg.model.neck.in_channels = [24, 32, 96, 320]
    return MODELS.build(cfg.model).to(DEVICE)


def detection_batch(batch: int, size: tuple[int, int]) -> dict:
    """Random images with one box each, as a detector's data loader would give them."""
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData

    height, width = size
    samples = []
    for _ in range(batch):
        boxes = torch.tensor([[0.2 * width, 0.2 * height, 0.7 * width, 0.8 * height]])
        instances = InstanceData(bboxes=boxes, labels=torch.zeros(1, dtype=torch.long))
        sample = DetDataSample(metainfo=dict(img_shape=size, pad_shape=size, ori_shape=size))
        sample.gt_instances = instances
        samples.append(sample)
    images = [torch.randint(0, 256, (3, height, width), dtype=torch.uint8) for _ in range(batch)]
    return dict(inputs=images, data_samples=samples)


def stepper(model: Any, data: dict) -> Callable:
    """One training step after another on the same batch."""
    from mmtransfer.engine.optim import RegularisedOptimWrapper

    model.train()
    weights = [p for n, p in model.named_parameters() if 'logits' not in n]
    optimizer = torch.optim.SGD(weights, lr=1e-4, momentum=0.9, weight_decay=1e-4)
    wrapper = RegularisedOptimWrapper(optimizer=optimizer, clip_grad=dict(max_norm=35))

    def step() -> None:
        model.zero_grad(set_to_none=True)
        model.train_step(data, wrapper)

    return step


def weight_step(size: tuple[int, int], batch: int, repeat: int) -> dict:
    """Ratio 1: one path of the supernet against the plain network of that path."""
    torch.manual_seed(0)
    supernet = retinanet(dict(type='mmtransfer.FNASupernet', seed='mobilenet_v2'))
    path = supernet.backbone.space.sample(random.Random(0))
    plain = retinanet(dict(type='mmtransfer.AdaptedBackbone', architecture=path))
    data = detection_batch(batch, size)

    supernet.backbone.select(path)
    ours, rival, ratio = median_ratio(stepper(supernet, data), stepper(plain, data), repeat)
    return {'weight step s': ours, 'fine-tune step s': rival, 'ratio': ratio, 'goal': '<= 1.10'}


def layout(size: tuple[int, int], batch: int, repeat: int) -> dict:
    """Ratio 4: networks in two memory layouts, on the same images."""
    x, data = torch.randn(batch, 3, *size, device=DEVICE), detection_batch(batch, size)

    def alone(architecture: str, channels_last: bool) -> Callable:
        net = AdaptedBackbone(architecture, channels_last=channels_last).to(DEVICE).train()

        def step() -> None:
            net.zero_grad(set_to_none=True)
            energy(net(x)).backward()

        return step

    def whole(architecture: str, channels_last: bool) -> Callable:
        backbone = dict(
            type='mmtransfer.AdaptedBackbone',
            architecture=architecture,
            channels_last=channels_last,
        )
        return stepper(retinanet(backbone), data)

    result: dict = {}
    for title, make, architecture in (
        ('EfficientNet-Lite0', alone, 'efficientnet_lite0'),
        ('MobileNetV2', alone, 'mobilenet_v2'),
        ('ResNet-50', alone, 'resnet50'),
        ('RetinaNet with MobileNetV2', whole, 'mobilenet_v2'),
    ):
        ours, rival, ratio = median_ratio(
            make(architecture, True), make(architecture, False), repeat
        )
        result[f'{title} s'], result[f'{title} usual s'] = ours, rival
        result[f'{title} ratio'] = ratio
    return result


def literal_mixture(net: FNASupernet, x: torch.Tensor) -> list[torch.Tensor]:
    """Eq. 7 as it is written: every candidate of every layer, one by one."""
    features = []
    x = net.stem(x)
    stages: Any = net.stages
    for index, stage in enumerate(stages):
        for layer_index, layer in enumerate(stage):
            name = f'stage{index}.layer{layer_index}'
            choice = next((c for c in net.space.choices if c.name == name), None)
            if choice is None:
                x = layer(x)
                continue
            p = torch.softmax(net.logits[net.space.choices.index(choice)], 0)
            mixed = x.new_zeros(())
            for i, option in enumerate(choice.options):
                mixed = mixed + p[i] * (x if option == 'skip' else layer[option](x))
            x = mixed
        if index in net.out_indices:
            features.append(x)
    return features


def energy(features: Iterable[torch.Tensor]) -> torch.Tensor:
    """A loss that depends on every feature."""
    return torch.stack([f.square().mean() for f in features]).sum()


def mixture_step(net: FNASupernet, kind: str, x: torch.Tensor) -> None:
    """One architecture step up to the gradients of the logits."""
    net.zero_grad(set_to_none=True)
    if kind == 'literal':
        energy(literal_mixture(net, x)).backward()
        return
    logits = {id(p) for p in net.architecture_parameters()}
    net.select(MIXTURE)
    with held_still(net, [p for p in net.parameters() if id(p) not in logits]):
        energy(net(x)).backward()
    net.release()


def build(kind: str, dtype: torch.dtype = torch.float32) -> FNASupernet:
    """A supernet with the same random weights for every kind."""
    torch.manual_seed(0)
    net = FNASupernet(seed='mobilenet_v2', out_indices=(2, 4, 6), with_cp=kind == 'recompute')
    return net.to(DEVICE, dtype).train()


def peak_memory(kind: str, size: tuple[int, int], batch: int) -> float:
    """GiB that one step needs beyond the network itself, read in a process of its own."""
    command = [sys.executable, __file__, '--child', kind, '--device', DEVICE.type]
    command += ['--batch', str(batch), '--size']
    # Freed blocks go back to the system at once, so that the peak is what was in use.
    env = dict(os.environ, MALLOC_MMAP_THRESHOLD_='65536', MALLOC_TRIM_THRESHOLD_='65536')
    out = subprocess.run(
        [*command, *map(str, size)], check=True, capture_output=True, text=True, env=env
    ).stdout
    return json.loads(out.splitlines()[-1])['bytes'] / GIB


def child(kind: str, size: tuple[int, int], batch: int) -> None:
    net = build(kind)
    x = torch.randn(batch, 3, *size, device=DEVICE)
    small = torch.randn(2, 3, 32, 32, device=DEVICE)
    mixture_step(net, kind, small)  # what any step needs, whatever the size
    net.zero_grad(set_to_none=True)
    if DEVICE.type == 'cuda':
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        mixture_step(net, kind, x)
        print(json.dumps({'bytes': torch.cuda.max_memory_allocated() - held}))
        return
    Path('/proc/self/clear_refs').write_text('5')  # the peak counts from here (Linux)
    before = status('VmRSS')
    mixture_step(net, kind, x)
    print(json.dumps({'bytes': (status('VmHWM') - before) * 1024}))


def status(field: str) -> int:
    """A size of this process in KiB, as Linux reports it."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f'{field}:')))


def arch_step(size: tuple[int, int], batch: int, repeat: int) -> dict:
    """Ratio 2, and the equality of the gradients in float64."""
    nets = {kind: build(kind) for kind in ('ours', 'recompute', 'literal')}
    x = torch.randn(batch, 3, *size, device=DEVICE)
    result: dict = {'goal': 'time <= 0.9 or memory <= 0.5'}
    memory = {kind: peak_memory(kind, size, batch) for kind in nets}
    result['literal peak GiB'] = memory['literal']
    for kind in ('ours', 'recompute'):
        seconds, rival, ratio = median_ratio(
            lambda kind=kind: mixture_step(nets[kind], kind, x),
            lambda: mixture_step(nets['literal'], 'literal', x),
            repeat,
        )
        result[f'{kind} s'], result[f'{kind} time ratio'] = seconds, ratio
        result['literal s'] = rival
        result[f'{kind} memory ratio'] = memory[kind] / memory['literal']
    x64 = torch.randn(2, 3, 64, 64, dtype=torch.float64, device=DEVICE)
    gradients = {}
    for kind in nets:
        net = build(kind, torch.float64)
        mixture_step(net, kind, x64)
        gradients[kind] = torch.cat(
            [p.grad for p in net.architecture_parameters() if p.grad is not None]
        )
    for kind in ('ours', 'recompute'):
        difference = (gradients[kind] - gradients['literal']).abs().max()
        result[f'{kind} gradient difference (float64)'] = float(difference)
    return result


def table_seconds() -> dict:
    """Figure 3: the cost table of the RetinaNet space at the paper's input size."""
    space = FNASupernet(seed='mobilenet_v2').space
    began = time.perf_counter()
    cost_table(space, (800, 1088))
    return {'seconds': time.perf_counter() - began, 'goal': '< 1 s'}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--size', nargs=2, type=int, default=(192, 256), metavar=('H', 'W'))
    parser.add_argument('--batch', type=int, default=2)
    parser.add_argument('--repeat', type=int, default=15)
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
    parser.add_argument('--child', help=argparse.SUPPRESS)
    args = parser.parse_args()
    compat.apply()
    use_device(args.device)
    size = (args.size[0], args.size[1])
    if args.child:
        child(args.child, size, args.batch)
        return
    name = platform.processor() or platform.machine()
    name = torch.cuda.get_device_name() if DEVICE.type == 'cuda' else name
    print(f'{name}, torch {torch.__version__}, '
          f'{torch.get_num_threads()} threads, input {size}, batch {args.batch}')  # fmt: skip
    for name, result in (
        ('weight step / fine-tune step (RetinaNet, MobileNetV2 space)',
         weight_step(size, args.batch, args.repeat)),
        ('architecture step / literal mixture (backbone)', arch_step(size, args.batch,
        args.repeat)), ('cost table', table_seconds()),
        ('channels-last / usual layout',
         layout(size, args.batch, args.repeat)),
    ):  # fmt: skip
        print(f'\n{name}')
        for key, value in result.items():
            print(
                f'  {key:42s} {value:.4g}' if isinstance(value, float) else f'  {key:42s} {value}'
            )


if __name__ == '__main__':
    main()
