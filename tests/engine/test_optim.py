import pytest
import torch
import torch.distributed as dist
from mmengine.runner import Runner
from torch import nn

from mmtransfer import compat
from mmtransfer.checkpoints.reading import read_checkpoint
from mmtransfer.engine.optim import NonFiniteLossError, RegularisedOptimWrapper
from tests.engine.test_search_loop import assert_equal_states
from tests.engine.tiny import train_config
from tests.processes import run_ranks


def wrapper(value=2.0):
    weight = nn.Parameter(torch.tensor(value))
    return weight, RegularisedOptimWrapper(optimizer=torch.optim.SGD([weight], lr=0.5), kind='arch')


def test_total_is_task_plus_regularisers():
    """d/dw (w^2 + 3 w) at 2 is 7; a step of 0.5 leads to -1.5."""
    weight, optim = wrapper()
    optim.terms = lambda: {'extra': 3 * weight}
    optim.update_params(weight**2)
    assert weight.item() == -1.5


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_a_bad_loss_or_term_changes_nothing(bad):
    for task, extra, name in ((bad, 1.0, 'task loss'), (1.0, bad, 'extra')):
        weight, optim = wrapper()
        optim.terms = lambda extra=extra, weight=weight: {'extra': weight * extra}
        with pytest.raises(NonFiniteLossError, match=f'the {name} is .*arch step of iteration'):
            optim.update_params(weight * task)
        assert weight.item() == 2.0 and weight.grad is None


def test_accumulation_is_refused_in_a_search():
    weight = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    with pytest.raises(ValueError, match=r'received 2 in optim_wrapper\.weights'):
        RegularisedOptimWrapper(optimizer=optimizer, accumulative_counts=2, kind='weights')


def test_one_transfer_brings_all_values(monkeypatch):
    """The check and the values for the log; not one transfer for each term."""
    transfers = []
    for name in ('tolist', 'item', '__bool__', '__float__'):
        original = getattr(torch.Tensor, name)

        def counted(self, *args, original=original, name=name):
            transfers.append(name)
            return original(self, *args)

        monkeypatch.setattr(torch.Tensor, name, counted)
    weight, optim = wrapper()
    optim.terms = lambda: {f'term{i}': i * weight for i in range(5)}
    optim.update_params(weight**2)
    assert transfers == ['tolist']
    assert optim.message_hub.get_scalar('train/term3').current() == 6.0


def optimizer_state(path):
    return read_checkpoint(path)['optimizer']


@pytest.mark.parametrize('stop', [3, 4])
def test_accumulated_gradients_are_resumed_bit_for_bit(tmp_path, stop):
    """Of 2 iterations, so that iteration 3 has one half; stopped there, or after the whole."""
    compat.apply()
    states = {}
    for name in ('whole', 'resumed'):
        config = train_config(tmp_path / name)
        config.optim_wrapper.accumulative_counts = 2
        if name == 'resumed':
            config.resume, config.load_from = True, str(tmp_path / f'whole/iter_{stop}.pth')
            torch.manual_seed(99)
        Runner.from_cfg(config).train()
        states[name] = read_checkpoint(tmp_path / name / 'iter_8.pth')['state_dict']
    assert_equal_states(states['whole'], states['resumed'])
    half = optimizer_state(tmp_path / f'whole/iter_{stop}.pth')
    assert ('accumulated' in half) == (stop == 3)

    config = train_config(tmp_path / 'plain')
    Runner.from_cfg(config).train()
    plain = read_checkpoint(tmp_path / 'plain/iter_8.pth')['state_dict']
    assert not torch.equal(plain['fc.weight'], states['whole']['fc.weight'])


def worker(rank, port, folder):
    dist.init_process_group('gloo', init_method=f'tcp://127.0.0.1:{port}', rank=rank, world_size=2)
    weight, optim = wrapper()
    optim.terms = lambda: {'fine': 3 * weight, 'extra': weight * (float('nan') if rank else 1)}
    try:
        optim.update_params(weight**2)
    except NonFiniteLossError as error:
        torch.save(dict(error=str(error), weight=weight.item()), f'{folder}/{rank}.pth')
    optim.terms = dict  # both go on, so neither waits for the other
    optim.update_params(weight**2)
    dist.destroy_process_group()


def test_all_ranks_stop_for_one_of_them(tmp_path):
    run_ranks(worker, tmp_path)
    first, second = (torch.load(tmp_path / f'{r}.pth', weights_only=True) for r in (0, 1))
    assert first == second and first['weight'] == 2.0
    assert 'the extra is nan on rank 1 in the arch step of iteration 1' in first['error']
