"""The rules on single tensors, against the equations written out with loops."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtransfer.remap.rules import fit, fit_channels, fit_kernel, slice_groups

sizes = st.integers(1, 5)
kernels = st.sampled_from([1, 3, 5, 7])


def equations(source: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Eq. 2, 3, 5 and 6 of FNA++, entry by entry."""
    result = torch.zeros(shape)
    shift = (source.shape[2] - shape[2]) // 2
    for i in range(min(shape[0], source.shape[0])):
        for j in range(min(shape[1], source.shape[1])):
            for y in range(shape[2]):
                for x in range(shape[3]):
                    v, u = y + shift, x + shift
                    if 0 <= v < source.shape[2] and 0 <= u < source.shape[3]:
                        result[i, j, y, x] = source[i, j, v, u]
    return result


@settings(max_examples=30, deadline=None)
@given(sizes, sizes, kernels, sizes, sizes, kernels)
def test_width_and_kernel_follow_the_equations(p, q, k, r, s, new_k):
    source = torch.arange(1.0, p * q * k * k + 1).reshape(p, q, k, k)
    shape = (r, s, new_k, new_k)
    assert torch.equal(fit(source, shape), equations(source, shape))


@pytest.mark.parametrize('groups', [1, 2, 3, 6])
def test_groups_follow_equation_4(groups):
    p, q = 6, 12
    source = torch.randn(p, q, 3, 3)
    s = q // groups
    result = slice_groups(source, groups)
    assert result.shape == (p, s, 3, 3)
    for i in range(p):
        for j in range(s):
            assert torch.equal(result[i, j], source[i, i // (p // groups) * s + j])


def test_groups_and_kernel_together():
    source = torch.randn(4, 8, 3, 3)
    result = fit(source, (4, 2, 5, 5), groups=4)
    assert torch.equal(result[:, :, 1:4, 1:4], slice_groups(source, 4))
    assert result.count_nonzero() == slice_groups(source, 4).count_nonzero()


def test_new_norm_entries_take_the_fill():
    assert fit_channels(torch.tensor([2.0, 3.0]), 0, 4, 1.0).tolist() == [2, 3, 1, 1]
    assert fit_channels(torch.tensor([2.0, 3.0]), 0, 1, 1.0).tolist() == [2]


def test_kernels_need_not_be_square():
    weight = torch.randn(1, 1, 3, 5)
    result = fit_kernel(weight, (5, 3))
    assert torch.equal(result[:, :, 1:4], weight[..., 1:4])
    assert result[:, :, [0, 4]].abs().sum() == 0


def test_results_are_new_tensors():
    source = torch.randn(2, 2, 3, 3)
    kept = source.clone()
    for shape in [(2, 2, 3, 3), (1, 2, 3, 3), (2, 2, 1, 1), (3, 2, 5, 5)]:
        fit(source, shape).fill_(7)
        assert torch.equal(source, kept)
