"""DESIGN.md, test 5: for RetinaNet, two ranks get the average of what each has alone."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from mmengine.optim import OptimWrapper

from mmtransfer.engine.learning import held_still
from mmtransfer.engine.parallel import AverageGradients
from tests.processes import run_ranks

CONFIG = Path(__file__).parents[2] / 'configs/fna/retinanet_mbv2_search.py'


class Keep(OptimWrapper):
    """Stops after the backward pass."""

    def update_params(self, loss):
        self.backward(loss)


def batch(rank):
    """Two images; the number of positive anchors, by which the loss is divided, differs."""
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData

    samples = []
    for boxes in range(1 + rank, 3 + rank):
        sample = DetDataSample(metainfo=dict(img_shape=(64, 64), pad_shape=(64, 64)))
        corners = torch.tensor([[4.0 + 8 * i, 4.0, 36.0 + 8 * i, 40.0] for i in range(boxes)])
        labels = torch.arange(boxes)
        sample.gt_instances = InstanceData(bboxes=corners, labels=labels)
        samples.append(sample)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(rank))
    return dict(inputs=list(images), data_samples=samples)


def build():
    from mmengine.config import Config
    from mmengine.registry import MODELS, init_default_scope

    init_default_scope('mmdet')
    cfg = Config.fromfile(CONFIG)
    cfg.model.backbone.update(
        layers=(2, 1, 1, 1, 1, 1), kernels=(3, 5), expansions=(3,), init_cfg=None
    )
    cfg.model.neck.out_channels = 16
    cfg.model.bbox_head.update(in_channels=16, feat_channels=16, stacked_convs=1, num_classes=4)
    torch.manual_seed(0)
    return MODELS.build(cfg.model).train()


def gradients(model, step, data):
    model.zero_grad()
    logits = model.backbone.architecture_parameters()
    weights = [p for n, p in model.named_parameters() if '.logits.' not in n]
    wrapper = Keep(torch.optim.SGD(model.parameters(), lr=0.1))
    model.backbone.select('mixture' if step == 'arch' else model.backbone.selection)
    if step == 'arch':
        with held_still(model, weights):
            data(wrapper)
    else:
        data(wrapper)
    model.backbone.release()
    assert all((p.grad is not None) == (step == 'arch') for p in logits)
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def worker(rank, port, folder):
    address = f'tcp://127.0.0.1:{port}'
    dist.init_process_group('gloo', init_method=address, rank=rank, world_size=2)
    model = build()
    wrapped = AverageGradients(model)
    result = {}
    for step in ('weights', 'arch'):

        def alone(wrapper):
            data = model.data_preprocessor(batch(rank), True)
            loss, _ = model.parse_losses(model._run_forward(data, mode='loss'))
            wrapper.update_params(loss)

        result[f'{step} alone'] = gradients(model, step, alone)
        result[step] = gradients(model, step, lambda w: wrapped.train_step(batch(rank), w))
        result[f'{step} bytes'] = wrapped.reduced_bytes
    torch.save(result, f'{folder}/{rank}.pth')
    dist.destroy_process_group()


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('retinanet')
    run_ranks(worker, folder)
    return [torch.load(folder / f'{r}.pth', weights_only=True) for r in (0, 1)]


@pytest.mark.parametrize('step', ['weights', 'arch'])
def test_the_average_of_both_ranks(ranks, step):
    one, two = (r[f'{step} alone'] for r in ranks)
    assert one.keys() == two.keys() == ranks[0][step].keys()
    assert any(not torch.equal(one[n], two[n]) for n in one)
    for result in ranks:
        for name, gradient in result[step].items():
            torch.testing.assert_close(gradient, (one[name] + two[name]) / 2, rtol=1e-5, atol=1e-7)
        assert result[f'{step} bytes'] == sum(4 * g.numel() for g in one.values())
    if step == 'arch':
        assert all('logits' in name for name in one)
    else:
        assert any('bbox_head' in name for name in one)
