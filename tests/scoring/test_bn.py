import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmtransfer.scoring.bn import reestimate_bn


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


class Passes(TorchDispatchMode):
    """The operations that read a tensor of a size."""

    def __init__(self, size):
        super().__init__()
        self.size = size
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if any(isinstance(a, torch.Tensor) and a.numel() == self.size for a in args):
            self.found.append(function.overloadpacket.__name__)
        return function(*args, **(kwargs or {}))


def deep():
    torch.manual_seed(0)
    layers = [nn.BatchNorm2d(3), nn.ReLU(), nn.BatchNorm2d(3), nn.ReLU(), nn.BatchNorm2d(3)]
    return nn.Sequential(*layers)


def test_inputs_are_read_by_the_norms_alone_and_one_transfer_ends_it(monkeypatch):
    transfers = []
    for name in ('tolist', 'item', 'cpu', '__bool__', '__float__'):
        original = getattr(torch.Tensor, name)

        def counted(self, *args, original=original, name=name):
            transfers.append(name)
            return original(self, *args)

        monkeypatch.setattr(torch.Tensor, name, counted)
    model, data = deep(), [b.float() for b in batches()]
    with torch.no_grad(), Passes(data[0].numel()) as plain:
        for batch in data:
            model(batch)
    transfers.clear()
    with Passes(data[0].numel()) as reestimating:
        assert reestimate_bn(model, data, iterations=4) == 3
    assert transfers == ['tolist']
    assert reestimating.found == plain.found and len(plain.found) == 4 * 5


def test_float32_statistics_are_the_populations_of_what_training_computes():
    model, data = deep(), [b.float() + 100 for b in batches()]
    reached = []
    last = model[4].register_forward_pre_hook(lambda module, inputs: reached.append(inputs[0]))
    with torch.no_grad():
        for batch in data:
            model.train()(batch)
    last.remove()
    reestimate_bn(model, data, iterations=4)
    for layer, seen in ((model[0], data), (model[4], reached)):
        joined = torch.cat(seen).double().transpose(0, 1).flatten(1)
        mean, variance = joined.mean(1), joined.var(1, unbiased=True)
        torch.testing.assert_close(layer.running_mean.double(), mean, rtol=3e-7, atol=0)
        torch.testing.assert_close(layer.running_var.double(), variance, rtol=3e-6, atol=0)


def test_a_norm_of_another_making_is_listened_to():
    class Other(nn.BatchNorm2d):
        def forward(self, x):
            return super().forward(x)

    plain, other = nn.Sequential(nn.BatchNorm2d(3)).double(), nn.Sequential(Other(3)).double()
    for model in (plain, other):
        assert reestimate_bn(model, batches(), iterations=4) == 1
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=1e-12, atol=1e-13)
    assert 'forward' not in vars(plain[0]) and not other[0]._forward_pre_hooks


def test_modes_come_back_after_an_error():
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout()).eval()
    model[1].train()
    with pytest.raises(RuntimeError):
        reestimate_bn(model, [torch.zeros(2, 5, 1, 2)], iterations=1)
    assert [m.training for m in model.modules()] == [False, False, True]
    assert model[0].track_running_stats and 'forward' not in vars(model[0])
