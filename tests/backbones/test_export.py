"""Exported backbones compute for images of any size what the backbone itself does.

Traced or exported at one size and compared at others, odd and even: arithmetic on sizes outside of
the graph would stay that of the first one.
"""

import pytest
import torch

from mmtransfer.backbones import AdaptedBackbone, DepthSupernet, FNASupernet
from tests.backbones.nets import stir

SAME = 'efficientnet_lite0'  # pads as TensorFlow's SAME does
SIZES = ((33, 40), (64, 47), (37, 35))
ONE_EACH = dict(blocks=[1, 1, 1, 1, 1])  # of five stages that have several
KINDS = {
    'same': lambda: AdaptedBackbone(SAME, out_indices=(2,), **ONE_EACH),
    'same_dilated': lambda: AdaptedBackbone(SAME, out_indices=(3,), output_stride=8, **ONE_EACH),
    'plain': lambda: AdaptedBackbone(
        'mobilenet_v2', out_indices=(2,), expand_indices=(2,), **ONE_EACH
    ),
    'channels_last': lambda: AdaptedBackbone(
        SAME, out_indices=(2,), channels_last=True, **ONE_EACH
    ),
    'basic': lambda: AdaptedBackbone('resnet18', blocks=[1, 1, 1, 1]),
    'attention': lambda: AdaptedBackbone('se_resnet50', out_indices=(1,), blocks=[1, 1, 1, 1]),
    'non_local': lambda: AdaptedBackbone('resnet50_nl', out_indices=(2,), blocks=[1, 1, 5, 1]),
    'supernet': lambda: FNASupernet(
        SAME, out_indices=(3,), layers=(1,) * 6, kernels=(3, 5), expansions=(3,)
    ),
    'depth': lambda: DepthSupernet('resnet18', [2, 1, 2, 1], out_indices=(2,)),
}


def built(kind):
    torch.manual_seed(0)
    net = KINDS[kind]()
    stir(net)
    if hasattr(net, 'selection'):
        net.select(net.selection)
    return net.eval().requires_grad_(False)


def images(size):
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))


def expect(net, exported):
    for size in SIZES:
        x = images(size)
        found, wanted = exported(x), net(x)
        assert [y.shape for y in found] == [y.shape for y in wanted]
        for a, b in zip(found, wanted, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.filterwarnings('ignore:.*torch.jit.trace')
def test_traced(kind):
    """A warning of the tracer, of a size that it takes for a constant, is an error here."""
    net = built(kind)
    expect(net, torch.jit.trace(net, images(SIZES[0]), check_trace=False))


ANY_SIZE = ({2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC},)


@pytest.mark.parametrize('kind', KINDS)
def test_exported(kind):
    net = built(kind)
    program = torch.export.export(net, (images(SIZES[0]),), dynamic_shapes=ANY_SIZE)
    expect(net, program.module())
