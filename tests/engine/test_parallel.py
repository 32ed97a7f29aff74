import pytest
import torch
import torch.distributed as dist
from mmengine.model import BaseModel, is_model_wrapper
from mmengine.optim import OptimWrapper
from torch import nn

from mmtransfer.engine.parallel import AverageGradients, DistributedDataParallel, Reduction, buckets
from mmtransfer.scoring.bn import reestimate_bn
from tests.processes import run_ranks
from tests.scoring.test_bn import batches, normed


class Toy(BaseModel):
    """Two candidates, of which ``active`` runs, between a stem with frozen BN and a head."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4).eval())
        self.ops = nn.ModuleList(nn.Conv2d(4, 4, 1) for _ in range(2))
        self.head = nn.Linear(4, 1)
        self.rare = nn.Parameter(torch.ones(()))
        self.active = 0

    def idle_modules(self):
        return [self.ops[1 - self.active]]

    def forward(self, inputs, use_rare=False, mode='loss'):
        x = self.head(self.ops[self.active](self.stem(inputs)).mean((2, 3)))
        loss = x.square().mean()
        return dict(loss=loss + self.rare * 4 if use_rare else loss)


def batch():
    return torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(1)).double()


class Keep(OptimWrapper):
    """Adds a term to the loss, as regularisers do, and keeps the gradients."""

    def __init__(self, model, optimizer):
        super().__init__(optimizer)
        self.model = model

    def update_params(self, loss):
        self.backward(loss + self.model.head.weight.square().sum())


def gradients(model, wrapped, data):
    model.zero_grad()
    wrapper = Keep(model, torch.optim.SGD(model.parameters(), lr=0.1))
    wrapped.train_step(data, wrapper)
    return {k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None}


def two_norms():
    """What reaches the second norm depends on what the first one divides by."""
    layers = nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)
    net = nn.Sequential(*layers).double()
    for p in net.parameters():
        p.data = torch.linspace(-1, 1, p.numel(), dtype=torch.float64).view(p.shape)
    return net


def whole_batches():
    generator = torch.Generator().manual_seed(2)
    return [torch.randn(4, 2, 3, 3, generator=generator).double() * (i + 1) for i in range(3)]


def order(model, data):
    """With a bucket for each parameter: when they are begun, and how often the host waits."""
    small = AverageGradients(model, bucket_mb=1e-6)
    events, read = [], []
    begin, tolist = Reduction._begin, torch.Tensor.tolist

    def begun(reduction):
        events.append(f'begin {len(reduction._begun)}')
        begin(reduction)

    def listed(tensor):
        read.append(tensor.shape)
        return tolist(tensor)

    hook = model.stem[0].weight.register_hook(lambda gradient: events.append('stem'))
    Reduction._begin, torch.Tensor.tolist = begun, listed
    result = {'small buckets': gradients(model, small, dict(data, use_rare=True))}
    result['events'], result['read'] = list(events), len(read)
    gradients(model, small, data)
    result['read of the absent'] = len(read)
    Reduction._begin, torch.Tensor.tolist = begin, tolist
    hook.remove()
    return result


def ddp(model):
    return model, DistributedDataParallel(model, device_ids=[0])


def worker(rank, port, folder):
    address = f'tcp://127.0.0.1:{port}'
    dist.init_process_group('gloo', init_method=address, rank=rank, world_size=2)
    torch.manual_seed(rank)  # rank 1 starts from other weights, and takes rank 0's
    model = Toy().double()
    wrapped = AverageGradients(model)
    result = {}
    for active in (0, 1):
        model.active = active
        data = dict(inputs=batch()[2 * rank : 2 * rank + 2])
        result[active] = gradients(model, wrapped, data)
        result[f'bytes{active}'] = wrapped.reduced_bytes
        result['rare'] = gradients(model, wrapped, dict(data, use_rare=rank == 0))
        assert wrapped.reduced_bytes == result[f'bytes{active}']
    result.update(order(model, data))
    result['ddp'] = gradients(*ddp(model), data)
    result['ddp rare'] = gradients(*ddp(model), dict(data, use_rare=rank == 0))
    bn = normed()
    reestimate_bn(bn, batches()[rank::2], iterations=2)
    result['bn'] = bn.state_dict()
    deep = two_norms()
    halves = [b[2 * rank : 2 * rank + 2] for b in whole_batches()]
    reestimate_bn(deep, halves, iterations=3, synchronised=True)
    result['deep'] = deep.state_dict()
    torch.save(result, f'{folder}/{rank}.pth')
    dist.destroy_process_group()


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('ranks')
    run_ranks(worker, folder)
    return [torch.load(folder / f'{r}.pth', weights_only=True) for r in (0, 1)]


def test_gradients_are_those_of_the_joined_batch(ranks):
    torch.manual_seed(0)
    model = Toy().double()
    wrapped = AverageGradients(model)
    for active in (0, 1):
        model.active = active
        expected = gradients(model, wrapped, dict(inputs=batch()))
        assert wrapped.reduced_bytes == 0  # alone
        assert f'ops.{1 - active}.weight' not in expected
        for result in ranks:
            assert result[active].keys() == expected.keys()
            for name, gradient in expected.items():
                torch.testing.assert_close(result[active][name], gradient, rtol=1e-12, atol=1e-14)
        used = [p for k, p in model.named_parameters() if k in {*expected, 'rare'}]
        nbytes = sum(p.numel() * p.element_size() for p in used)
        assert [r[f'bytes{active}'] for r in ranks] == [nbytes, nbytes]


def test_a_gradient_of_one_rank_only_is_averaged_with_zero(ranks):
    assert [r['rare']['rare'].item() for r in ranks] == [2.0, 2.0]


def test_buckets_are_reduced_while_the_backward_pass_runs(ranks):
    """That of the head long before the stem's gradient is there. Nothing waits for the host, except
    to learn whether what this rank has no gradient of is absent everywhere."""
    for result in ranks:
        events = result['events']
        stem = events.index('stem')
        assert [e for e in events if e != 'stem'] == [f'begin {i}' for i in range(9)]
        assert stem >= 3
        assert (result['read'], result['read of the absent']) == (0, 1)
        for name, gradient in result['small buckets'].items():
            if name != 'rare':
                assert torch.equal(gradient, result[1][name])


def test_a_fine_tune_has_the_same_gradients(ranks):
    """PyTorch's wrapper on the CPU, with a candidate that never runs and a parameter that only one
    rank uses."""
    for result in ranks:
        assert result['ddp'].keys() == result[1].keys()
        for name, gradient in result['ddp'].items():
            torch.testing.assert_close(gradient, result[1][name], rtol=1e-12, atol=1e-14)
        assert result['ddp rare']['rare'].item() == 2.0
        assert not any('ops.0' in name for name in result['ddp rare'])


def test_buckets_hold_one_dtype_each_and_end_at_their_limit():
    sizes = [(4, torch.float32), (4, torch.float64), (4, torch.float32), (9, torch.float32)]
    parameters = [nn.Parameter(torch.zeros(n, dtype=dtype)) for n, dtype in sizes]
    found = buckets(parameters, limit=36)
    numbers = [[next(i for i, p in enumerate(parameters) if p is q) for q in b] for b in found]
    assert numbers == [[3], [2, 0], [1]]
    with pytest.raises(ValueError, match='bucket_mb must be positive; received 0'):
        AverageGradients(Toy(), bucket_mb=0)


def test_bn_statistics_of_two_ranks_are_those_of_one(ranks):
    one = normed()
    reestimate_bn(one, batches(), iterations=4)
    for result in ranks:
        for name, value in one.state_dict().items():
            torch.testing.assert_close(result['bn'][name], value, rtol=1e-12, atol=1e-14)


def test_synchronised_batches_are_those_of_all_ranks(ranks):
    """One process with whole batches; without it each rank divides by its own half's deviation."""
    one, apart = two_norms(), two_norms()
    reestimate_bn(one, whole_batches(), iterations=3, synchronised=True)
    halves = [b[i : i + 2] for b in whole_batches() for i in (0, 2)]
    reestimate_bn(apart, halves, iterations=6)
    for result in ranks:
        for name, value in one.state_dict().items():
            torch.testing.assert_close(result['deep'][name], value, rtol=1e-12, atol=1e-14)
    assert (one[4].running_var / apart[4].running_var - 1).abs().max() > 1e-3


def test_mmengine_knows_it_as_a_wrapper():
    wrapped = AverageGradients(Toy())
    assert is_model_wrapper(wrapped) and set(wrapped.state_dict()) == {
        f'module.{k}' for k in wrapped.module.state_dict()
    }
