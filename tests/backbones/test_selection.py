"""The selection is fixed from a training forward pass to the end of its backward pass."""

import copy

import pytest
import torch

from mmtransfer.backbones import MIXTURE, SelectionError
from mmtransfer.backbones.selection import PendingBackward
from mmtransfer.space import SpaceError
from tests.backbones.nets import images, loss, path, supernet


@pytest.fixture
def net():
    return supernet(layers=(2, 1, 1, 1, 1, 1), kernels=(3,)).train()


def small():
    return images((32, 32))


@pytest.mark.parametrize('with_cp', [False, True])
@pytest.mark.parametrize('mixture', [False, True])
def test_fixed_until_the_end_of_backward(mixture, with_cp):
    net = supernet(layers=(2, 1, 1, 1, 1, 1), kernels=(3,), with_cp=with_cp).train()
    first = MIXTURE if mixture else path(net, 0)
    other = path(net, 1)
    net.select(first)
    features = net(small())
    with pytest.raises(SelectionError, match='must stay as it is .* Run backward first, or call'):
        net.select(other)
    assert net.selection == first
    net.select(first)  # no change
    refused = []

    def during(grad):
        with pytest.raises(SelectionError):
            net.select(other)
        refused.append(True)

    net.stem.conv.weight.register_hook(during)
    loss(features).backward()
    assert refused == [True]
    net.select(other)
    assert net.selection == other


def test_release_frees_it(net):
    net(small())
    net.release()
    net.select(MIXTURE)


def test_each_forward_pass_waits_for_its_own_backward(net):
    first, second = net(small()), net(small())
    loss(first).backward()
    with pytest.raises(SelectionError, match='1 backward'):
        net.select(MIXTURE)
    loss(second).backward()
    net.select(MIXTURE)


def test_one_backward_of_a_sum_frees_all(net):
    (loss(net(small())) + loss(net(small()))).backward()
    net.select(MIXTURE)


def test_one_output_is_enough(net):
    net(small())[1].sum().backward()
    net.select(MIXTURE)


def test_free_without_gradients(net):
    with torch.no_grad():
        net(small())
    net.select(MIXTURE)
    net.eval()
    net(small())
    net.select(path(net))
    frozen = supernet(layers=(1,) * 6, kernels=(3,), frozen_stages=7).train()
    frozen(small())
    frozen.select(path(frozen, 1))


def test_evaluating_restores(net):
    chosen, shown = path(net, 0), path(net, 1)
    net.select(chosen)
    with net.evaluating(shown):
        assert net.selection == shown
    assert net.selection == chosen
    net.select(MIXTURE)
    with pytest.raises(KeyError), net.evaluating(shown):
        raise KeyError
    assert net.selection == MIXTURE
    net(small())
    with pytest.raises(SelectionError), net.evaluating(shown):
        pass


def test_only_selections_are_taken(net):
    with pytest.raises(SelectionError, match="'mixture'; received 'mix'"):
        net.select('mix')
    with pytest.raises(SelectionError, match='received None'):
        net.select(None)
    with pytest.raises(SpaceError, match='fingerprint'):
        net.select(supernet(layers=(1,) * 6).selection)


def test_a_copy_has_a_life_of_its_own(net):
    net(small())
    twin = copy.deepcopy(net)
    twin.release()
    twin.select(MIXTURE)
    with pytest.raises(SelectionError):
        net.select(MIXTURE)


def test_pending_counts():
    pending = PendingBackward()
    x = torch.ones(2, requires_grad=True)
    y, z = x * 2, x * 3
    pending.watch((y, z))
    pending.watch((x.detach(),))
    assert len(pending) == 1
    (y + z).sum().backward()
    assert not pending
