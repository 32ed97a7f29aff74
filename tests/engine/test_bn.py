import types

import pytest
import torch
from torch import nn

from mmtransfer.engine.bn import ReestimateBNHook, reestimate_bn


def normed():
    """Its only open layer sees the batches themselves."""
    return nn.Sequential(nn.BatchNorm2d(3)).double()


def batches(number=4):
    g = torch.Generator().manual_seed(0)
    return [torch.randn(2, 3, 4, 5, generator=g).double() * (i + 1) + i for i in range(number)]


def test_statistics_are_the_populations():
    model, data = normed(), batches()
    assert reestimate_bn(model, data, iterations=4) == 1
    joined = torch.cat(data).transpose(0, 1).flatten(1)
    torch.testing.assert_close(model[0].running_mean, joined.mean(1), rtol=1e-13, atol=1e-13)
    variance = joined.var(1, unbiased=True)
    torch.testing.assert_close(model[0].running_var, variance, rtol=1e-12, atol=0)


def test_by_hand():
    model = nn.Sequential(nn.BatchNorm1d(1)).double()
    reestimate_bn(model, torch.tensor([0.0, 2.0, 4.0, 6.0]).double().view(2, 2, 1), 2)
    assert model[0].running_mean.item() == 3.0
    assert model[0].running_var.item() == pytest.approx(20 / 3)  # (9 + 1 + 1 + 9) / (4 - 1)


def test_later_layers_see_batch_statistics():
    model = nn.Sequential(nn.BatchNorm2d(3), nn.BatchNorm2d(3)).double()
    model[0].running_mean.fill_(100.0)  # must not be used
    reestimate_bn(model, batches(), iterations=4)
    torch.testing.assert_close(model[1].running_mean, torch.zeros(3).double(), atol=1e-12, rtol=0)
    torch.testing.assert_close(
        model[1].running_var, torch.ones(3).double() * 160 / 159, atol=1e-4, rtol=0
    )


def test_modes_weights_frozen_and_unused_layers_are_left_alone():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.open, self.frozen, self.unused = (nn.BatchNorm2d(3) for _ in range(3))
            self.drop = nn.Dropout()

        def train(self, mode=True):
            super().train(mode)
            self.frozen.eval()
            return self

        def forward(self, x):
            return self.frozen(self.open(x))

    model = Net().double()
    model.drop.eval()
    modes = [m.training for m in model.modules()]
    before = {k: v.clone() for k, v in model.state_dict().items()}
    assert reestimate_bn(model, batches(), iterations=3) == 1
    moved = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert moved == {'open.running_mean', 'open.running_var'}
    assert [m.training for m in model.modules()] == modes
    assert all(p.grad is None for p in model.parameters()) and model.open.track_running_stats


def test_short_and_empty_loaders():
    model, data = normed(), batches(1)
    reestimate_bn(model, data, iterations=3)  # the same batch three times
    mean = data[0].mean((0, 2, 3))
    torch.testing.assert_close(model[0].running_mean, mean, rtol=1e-12, atol=1e-12)
    with pytest.raises(ValueError, match='at least one batch'):
        reestimate_bn(model, [], iterations=1)


@pytest.mark.parametrize(
    ('iteration', 'resumed', 'acts'), [(0, False, True), (5, False, False), (0, True, False)]
)
def test_hook_acts_on_a_fresh_run_only(iteration, resumed, acts):
    model = normed()
    runner = types.SimpleNamespace(
        iter=iteration,
        _resume=resumed,
        model=model,
        train_dataloader=batches(),
        logger=types.SimpleNamespace(info=lambda text: None),
    )
    ReestimateBNHook(iterations=2).before_train(runner)
    assert bool(model[0].running_mean.abs().sum() > 0) == acts
    with pytest.raises(ValueError, match='at least 1'):
        ReestimateBNHook(iterations=0)


def test_an_abandoned_pass_leaves_nothing_in_the_batch_sampler():
    """mmdet's aspect-ratio batches would otherwise repeat what the last pass had collected."""

    class Buckets:
        def __init__(self):
            self._aspect_ratio_buckets = [[1], [2, 3]]

    class Loader(list):
        batch_sampler = Buckets()

    net = nn.Sequential(nn.BatchNorm1d(2))
    loader = Loader([torch.randn(4, 2)])
    assert reestimate_bn(net, loader, 3) == 1
    assert loader.batch_sampler._aspect_ratio_buckets == [[], []]


def test_frozen_layers_are_set_when_asked_and_stay_frozen():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen = nn.BatchNorm2d(3)

        def train(self, mode=True):
            super().train(mode)
            self.frozen.eval()
            return self

        def forward(self, x):
            return self.frozen(x)

    net, data = Net().double().train(), batches()
    assert reestimate_bn(net, data, 4) == 0
    assert reestimate_bn(net, data, 4, frozen=True) == 1
    joined = torch.cat(data).transpose(0, 1).flatten(1)
    torch.testing.assert_close(net.frozen.running_mean, joined.mean(1), rtol=1e-13, atol=1e-13)
    assert not net.frozen.training and net.frozen.track_running_stats
