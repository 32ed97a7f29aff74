"""mmcv's operators in channels-last layout."""

import sys
import types

import pytest
import torch

from mmtransfer import compat
from mmtransfer.compat.memory_layouts import mend_memory_layouts


def operators():
    """Operators on features of (2, 4, 9, 12), after the remedy."""
    compat.apply()
    from mmcv.ops import DeformConv2d, ModulatedDeformConv2d, RoIAlign

    rois = torch.tensor([[0, 1.0, 2.0, 30.0, 25.0], [1, 5.0, 4.0, 44.0, 33.0]])
    align = RoIAlign(3, 0.25, 0)
    torch.manual_seed(0)
    offset, mask = torch.randn(2, 18, 9, 12), torch.rand(2, 9, 9, 12)
    deform = DeformConv2d(4, 4, 3, padding=1)
    modulated = ModulatedDeformConv2d(4, 4, 3, padding=1)
    return dict(
        roi_align=lambda x: align(x, rois),
        deform_conv=lambda x: deform(x, offset),
        modulated_deform_conv=lambda x: modulated(x, offset, mask),
    )


@pytest.mark.parametrize('name', ['roi_align', 'deform_conv', 'modulated_deform_conv'])
def test_mmcvs_operators_read_features_of_any_layout(name):
    run = operators()[name]
    x = torch.randn(2, 4, 9, 12, generator=torch.Generator().manual_seed(1))
    results = []
    for layout in (torch.contiguous_format, torch.channels_last):
        given = x.clone(memory_format=layout).requires_grad_()
        found = run(given)
        weights = torch.arange(found.numel(), dtype=torch.float).reshape(found.shape)
        found.backward(weights.contiguous(memory_format=layout))
        results.append((found.detach(), given.grad))
    (one, its_gradient), (two, other_gradient) = results
    assert torch.equal(one, two) and torch.equal(its_gradient, other_gradient)
    assert its_gradient.abs().sum() > 0


def test_operators_are_mended_while_others_import(monkeypatch):
    class Growing(dict):
        """As if another thread imported something at every entry."""

        def items(self):
            for number, item in enumerate(super().items()):
                self[f'imported_{number}'] = types.ModuleType('x')
                yield item

    compat.apply()
    import mmcv.ops  # noqa: F401

    with monkeypatch.context() as patch:
        patch.setattr(sys, 'modules', Growing(sys.modules))
        mend_memory_layouts()
