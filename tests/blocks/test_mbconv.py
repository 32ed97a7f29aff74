"""MBConv against its definition, its padding, and recompute against storing."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from mmtransfer.blocks import MBConv, recompute

NORM = dict(type='BN', eps=1e-3, momentum=0.01)
ACT = dict(type='ReLU6')


def block(*args, **kwargs):
    torch.manual_seed(0)
    return MBConv(*args, norm_cfg=NORM, act_cfg=ACT, **kwargs).double()


def by_hand(module, x, kernel, stride):
    """The block from its tensors, symmetric padding, batch statistics."""
    t = dict(module.state_dict())

    def norm(y, name):
        return F.batch_norm(
            y, None, None, t[f'{name}.bn.weight'], t[f'{name}.bn.bias'], training=True, eps=1e-3
        )

    y = x
    if 'expand.conv.weight' in t:
        y = F.relu6(norm(F.conv2d(y, t['expand.conv.weight']), 'expand'))
    weight = t['depthwise.conv.weight']
    y = F.conv2d(y, weight, stride=stride, padding=kernel // 2, groups=weight.shape[0])
    y = F.relu6(norm(y, 'depthwise'))
    y = norm(F.conv2d(y, t['project.conv.weight']), 'project')
    return x + y if y.shape == x.shape else y


@settings(max_examples=12, deadline=None)
@given(
    kernel=st.sampled_from([3, 5, 7]),
    stride=st.sampled_from([1, 2]),
    expansion=st.sampled_from([1, 3, 6]),
    size=st.tuples(st.integers(4, 9), st.integers(4, 9)),
    widen=st.booleans(),
    same=st.booleans(),
)
def test_shape_and_value(kernel, stride, expansion, size, widen, same):
    out = 6 if widen else 4
    module = block(4, out, kernel, stride, expansion, same_padding=same)
    x = torch.randn(2, 4, *size, dtype=torch.float64)
    y = module(x)
    assert y.shape == (2, out, -(-size[0] // stride), -(-size[1] // stride))
    assert module.residual == (stride == 1 and not widen)
    if stride == 1 or not same:
        torch.testing.assert_close(y, by_hand(module, x, kernel, stride), rtol=0, atol=1e-12)


def test_same_padding_lies_at_the_bottom_and_right():
    """At stride 2 on an even input the first window starts at the first pixel (kernel 3)."""
    same = block(1, 1, 3, 2, 1, same_padding=True).depthwise.conv
    x = torch.randn(1, 1, 6, 8, dtype=torch.float64)
    expected = F.conv2d(F.pad(x, [0, 1, 0, 1]), same.weight, stride=2)
    assert torch.equal(same(x), expected)
    odd = x[..., :5, :7]
    assert torch.equal(same(odd), F.conv2d(odd, same.weight, stride=2, padding=1))


@pytest.mark.parametrize('same', [False, True])
@pytest.mark.parametrize('stride', [1, 2])
def test_a_kernel_grown_by_zeros_computes_the_same(stride, same):
    small, large = (block(3, 3, k, stride, 3, same_padding=same) for k in (3, 7))
    state = small.state_dict()
    state['depthwise.conv.weight'] = F.pad(state['depthwise.conv.weight'], [2, 2, 2, 2])
    large.load_state_dict(state)
    x = torch.randn(2, 3, 8, 10, dtype=torch.float64)
    torch.testing.assert_close(large(x), small(x), rtol=0, atol=1e-13)


def test_dilation_keeps_the_size():
    x = torch.randn(2, 4, 9, 9, dtype=torch.float64)
    assert block(4, 4, 5, 1, 3, dilation=2)(x).shape == x.shape


def test_tensor_names():
    assert 'expand.conv.weight' in block(4, 4, 3, 1, 6).state_dict()
    assert {n.split('.')[0] for n in block(4, 4, 3, 1, 1).state_dict()} == {'depthwise', 'project'}


@pytest.mark.parametrize('inputs_need_grad', [False, True])
def test_recompute_changes_nothing(inputs_need_grad):
    plain = block(4, 4, 5, 1, 3)
    saving = copy.deepcopy(plain)
    saving.with_cp = True
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64, requires_grad=inputs_need_grad)
    results = []
    for module in (plain, saving):
        x.grad = None
        y = module(x)
        y.square().sum().backward()
        grads = {n: p.grad for n, p in module.named_parameters()}
        results.append((y, x.grad, grads, dict(module.named_buffers())))
    (y, gx, grads, buffers), (y2, gx2, grads2, buffers2) = results
    assert torch.equal(y, y2)
    assert gx is gx2 is None if not inputs_need_grad else torch.equal(gx, gx2)
    assert all(torch.equal(grads[n], grads2[n]) for n in grads)
    assert buffers2['depthwise.bn.num_batches_tracked'] == 1
    assert all(torch.equal(buffers[n], buffers2[n]) for n in buffers)


def test_recompute_leaves_the_statistics_of_frozen_norms():
    module = block(4, 4, 3, 1, 3, with_cp=True).eval()
    before = copy.deepcopy(module.state_dict())
    module(torch.randn(2, 4, 6, 6, dtype=torch.float64)).sum().backward()
    assert module.depthwise.conv.weight.grad is not None
    assert all(torch.equal(before[n], t) for n, t in module.state_dict().items())


def test_recompute_stores_less():
    module = block(4, 4, 3, 1, 6)
    x = torch.randn(2, 4, 8, 8, dtype=torch.float64)

    def stored(function):
        sizes = []

        def pack(t):
            sizes.append(t.numel())
            return t

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            function()
        return sum(sizes)

    assert stored(lambda: recompute(module, module, x)) < 0.1 * stored(lambda: module(x))


@pytest.mark.parametrize(('kernel', 'expansion', 'message'), [(4, 3, 'odd'), (3, 0, 'at least 1')])
def test_impossible_blocks_are_refused(kernel, expansion, message):
    with pytest.raises(ValueError, match=message):
        block(4, 4, kernel, 1, expansion)
