"""ResNet's blocks and their variants: ResNeXt, squeeze-and-excitation, a non-local module."""

import importlib
from dataclasses import replace

import pytest
import torch
from mmdet.models.backbones import ResNeXt
from torch import nn
from torch.nn import functional as F

from mmtransfer.backbones import AdaptedBackbone
from mmtransfer.blocks import Residual, Style, build_block
from mmtransfer.seeds import BLOCK_KINDS, Node, seed_network
from mmtransfer.seeds.namings import recognise
from mmtransfer.seeds.ops import POOLED, Conv
from mmtransfer.seeds.residual import Basic, Bottleneck
from mmtransfer.space import SpaceError
from tests.backbones.nets import images, stir

STYLE = Style(norm_cfg=dict(type='BN'), act_cfg=dict(type='ReLU'))


def build(inputs, outputs, stride, text, kind='bottleneck', with_cp=False) -> Residual:
    op = BLOCK_KINDS[kind].read(text)
    node = Node('block', op, ('stem',), inputs, outputs, stride, 1, 0, 0, 0)
    return build_block(op, node, replace(STYLE, with_cp=with_cp)).double()


def block(*args, **kwargs) -> Residual:
    torch.manual_seed(0)
    module = build(*args, **kwargs)
    stir(module)
    return module


def features(size=(7, 6), channels=32):
    generator = torch.Generator().manual_seed(3)
    return torch.randn(2, channels, *size, generator=generator, dtype=torch.float64)


def squeezed_and_excited(t, y):
    """SENet, Eq. 2 to 4."""
    s = y.mean((2, 3))
    s = F.relu(F.linear(s, t['se.fc1.conv.weight'][:, :, 0, 0], t['se.fc1.conv.bias']))
    s = F.linear(s, t['se.fc2.conv.weight'][:, :, 0, 0], t['se.fc2.conv.bias'])
    return y * s.sigmoid()[:, :, None, None]


def residual_by_hand(module, x, groups=1, stride=1):
    """A bottleneck from its tensors, with running statistics."""
    t = module.state_dict()

    def unit(y, name, **kwargs):
        y = F.conv2d(y, t[f'{name}.conv.weight'], **kwargs)
        parts = (t[f'{name}.bn.{n}'] for n in ('running_mean', 'running_var', 'weight', 'bias'))
        return F.batch_norm(y, *parts)

    y = F.relu(unit(x, 'conv1'))
    y = F.relu(unit(y, 'conv2', stride=stride, padding=1, groups=groups))
    y = unit(y, 'conv3')
    if 'se.fc1.conv.weight' in t:
        y = squeezed_and_excited(t, y)
    shortcut = unit(x, 'downsample', stride=stride) if 'downsample.conv.weight' in t else x
    return F.relu(y + shortcut)


@pytest.mark.parametrize(
    ('op', 'groups'), [('k3g1s16', 1), ('k3g4w16s4', 4), ('k3g4w16', 4), ('k3g2', 2)]
)
@pytest.mark.parametrize(('out', 'stride'), [(32, 1), (64, 2)])
def test_values(op, groups, out, stride):
    module = block(32, out, stride, op).eval()
    x = features()
    torch.testing.assert_close(
        module(x), residual_by_hand(module, x, groups, stride), rtol=0, atol=1e-12
    )


def attended(t, x):
    """Non-local Neural Networks, Eq. 1 and 6, position by position; scaled as by its authors."""
    weights = {n: t[f'non_local.{n}.conv.weight'][:, :, 0, 0] for n in ('theta', 'phi', 'g')}
    flat = x.flatten(2)
    theta, phi, g = (w @ flat + t[f'non_local.{n}.conv.bias'][:, None] for n, w in weights.items())
    y = torch.zeros_like(g)
    for n in range(len(x)):
        for i in range(flat.shape[2]):
            f = (theta[n, :, i] @ phi[n] / theta.shape[1] ** 0.5).exp()
            y[n, :, i] = g[n] @ f / f.sum()
    return y.unflatten(2, x.shape[2:])


def test_a_non_local_module():
    module = block(32, 32, 1, 'k3g1n2').eval()
    plain = block(32, 32, 1, 'k3g1').eval()
    plain.load_state_dict(module.state_dict(), strict=False)
    x = features()
    before = plain(x)
    t = module.state_dict()
    y = F.conv2d(attended(t, before), t['non_local.conv_out.conv.weight'])
    names = ('running_mean', 'running_var', 'weight', 'bias')
    y = F.batch_norm(y, *(t[f'non_local.conv_out.bn.{n}'] for n in names))
    assert y.abs().max() > 0.1
    torch.testing.assert_close(module(x), before + y, rtol=0, atol=1e-12)


@pytest.mark.parametrize('training', [True, False])
def test_a_new_non_local_module_is_the_identity_and_learns(training):
    torch.manual_seed(0)
    module = build(32, 32, 1, 'k3g1n2').train(training)
    plain = build(32, 32, 1, 'k3g1').train(training)
    plain.load_state_dict(module.state_dict(), strict=False)
    x = features()
    y = module(x)
    assert torch.equal(y, plain(x))
    (y * y.detach().cos()).sum().backward()
    if training:
        assert module.non_local.conv_out.bn.weight.grad.abs().min() > 0


@pytest.mark.parametrize('op', ['k3g1s4', 'k3g1n2'])
@pytest.mark.parametrize('kind', ['basic', 'bottleneck'])
def test_recompute_changes_nothing(op, kind):
    """On either kind of block."""
    modules = [block(32, 64, 2, op, kind=kind, with_cp=cp) for cp in (False, True)]
    results = []
    for module in modules:
        x = features().requires_grad_()
        y = module(x)
        (y * y.detach().cos()).sum().backward()
        grads = [p.grad for p in module.parameters()]
        results.append([y, x.grad, *grads, *module.buffers()])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def load(net, stock, seed, naming):
    """The stock module's weights into ours, by the naming that is found."""
    state = stock.state_dict()
    found, names = recognise({n: tuple(t.shape) for n, t in state.items()}, seed_network(seed))
    assert found == naming and set(names.values()) == set(state)
    net.load_state_dict({ours: state[theirs] for ours, theirs in names.items()})


def test_resnext_equals_mmdets():
    torch.manual_seed(0)
    stock = ResNeXt(depth=50, groups=32, base_width=4, norm_eval=False).double()
    stir(stock)
    ours = AdaptedBackbone('resnext50_32x4d').double()
    load(ours, stock, 'resnext50_32x4d', 'torchvision')
    x = images((33, 40))
    for training in (False, True):
        with torch.no_grad():
            ours.train(training)
            stock.train(training)
            assert all(torch.equal(a, b) for a, b in zip(ours(x), stock(x), strict=True))


@pytest.mark.parametrize(
    ('name', 'seed'), [('SEResNet', 'se_resnet50'), ('SEResNeXt', 'se_resnext50')]
)
def test_se_networks_equal_mmposes(name, seed):
    """Whose module for SE is mmpretrain's."""
    torch.manual_seed(0)
    cls = getattr(importlib.import_module('mmpose.models.backbones'), name)
    stock = cls(depth=50, out_indices=(0, 1, 2, 3)).double()
    stir(stock)
    stock.eval()
    ours = AdaptedBackbone(seed).double().eval()
    load(ours, stock, seed, 'mmpretrain')
    with torch.no_grad():
        for a, b in zip(ours(images()), stock(images()), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def timm_seresnext50() -> dict[str, tuple[int, ...]]:
    """The tensors of timm's seresnext50_32x4d, from its modules; no file of it was at hand."""
    norm = ('weight', 'bias', 'running_mean', 'running_var')
    tensors: dict[str, tuple[int, ...]] = {'conv1.weight': (64, 3, 7, 7)}

    def add_norm(name, channels):
        tensors.update({f'{name}.{part}': (channels,) for part in norm})
        tensors[f'{name}.num_batches_tracked'] = ()

    add_norm('bn1', 64)
    inputs = 64
    for stage, (width, outputs, blocks) in enumerate(
        [(128, 256, 3), (256, 512, 4), (512, 1024, 6), (1024, 2048, 3)], start=1
    ):
        for i in range(blocks):
            at = f'layer{stage}.{i}'
            tensors[f'{at}.conv1.weight'] = (width, inputs, 1, 1)
            tensors[f'{at}.conv2.weight'] = (width, width // 32, 3, 3)
            tensors[f'{at}.conv3.weight'] = (outputs, width, 1, 1)
            for n, channels in ((1, width), (2, width), (3, outputs)):
                add_norm(f'{at}.bn{n}', channels)
            tensors[f'{at}.se.fc1.weight'] = (outputs // 16, outputs, 1, 1)
            tensors[f'{at}.se.fc1.bias'] = (outputs // 16,)
            tensors[f'{at}.se.fc2.weight'] = (outputs, outputs // 16, 1, 1)
            tensors[f'{at}.se.fc2.bias'] = (outputs,)
            if i == 0:
                tensors[f'{at}.downsample.0.weight'] = (outputs, inputs, 1, 1)
                add_norm(f'{at}.downsample.1', outputs)
            inputs = outputs
    return tensors | {'fc.weight': (1000, 2048), 'fc.bias': (1000,)}


def test_timms_names_of_an_se_network():
    tensors = timm_seresnext50()
    found, names = recognise(tensors, seed_network('se_resnext50'))
    assert found == 'torchvision' and set(names.values()) == set(tensors)
    assert names['stages.0.0.se.fc2.conv.bias'] == 'layer1.0.se.fc2.bias'


def test_what_an_op_asks_for():
    assert Bottleneck.read('k3g1') == Bottleneck(3, 1)
    full = Bottleneck(3, 32, width=4, se=16, non_local=2)
    assert Bottleneck.read('k3g32w4s16n2') == full and full.text == 'k3g32w4s16n2'
    convs = Bottleneck.read('k3g32w4s16').convs(256, 256, 1)
    assert convs == (
        Conv('conv1', 256, 128, 1),
        Conv('conv2', 128, 128, 3, 1, groups=32),
        Conv('conv3', 128, 256, 1),
        Conv('se.fc1', 256, 16, 1, POOLED, bias=True),
        Conv('se.fc2', 16, 256, 1, POOLED, bias=True),
    )
    for wrong in ('k3g1n2s16', 'k3e6s4', 'k3g1s', 'k3g1w0'):
        with pytest.raises(SpaceError, match='an op must read like'):
            Bottleneck.read(wrong)
    with pytest.raises(SpaceError, match=r'a basic block has no width of its own \(w4\)'):
        Basic.read('k3g2w4')


def test_where_the_non_local_module_is():
    net = AdaptedBackbone('resnet50_nl')
    found = [name for name, m in net.named_modules() if name.endswith('non_local')]
    assert found == ['stages.2.4.non_local']
    assert isinstance(net.stages[2][4].non_local, nn.Module)
