import pytest
import torch
from mmengine.runner import Runner
from torch import nn

from mmtransfer import compat
from mmtransfer.checkpoints.reading import read_checkpoint
from mmtransfer.engine.amp import RegularisedAmpOptimWrapper, autocast
from mmtransfer.engine.optim import NonFiniteLossError
from tests.engine.test_search_loop import assert_equal_states, tensors
from tests.engine.tiny import TinyClassifier, search_config, train_config


@pytest.fixture(autouse=True)
def _stack():
    compat.apply()


class Spy:
    """The dtypes in which convolutions and the head compute in training."""

    def __init__(self, monkeypatch):
        self.convs, self.heads = set(), set()
        conv, linear = nn.Conv2d._conv_forward, nn.Linear.forward

        def conv_forward(module, x, weight, bias):
            out = conv(module, x, weight, bias)
            if module.training:
                self.convs.add(out.dtype)
            return out

        def linear_forward(module, x):
            out = linear(module, x)
            if module.training:
                self.heads.add(out.dtype)
            return out

        monkeypatch.setattr(nn.Conv2d, '_conv_forward', conv_forward)
        monkeypatch.setattr(nn.Linear, 'forward', linear_forward)


def amp_search(folder, **options):
    config = search_config(folder)
    for part in ('weights', 'arch'):
        config.optim_wrapper[part].type = 'AmpOptimWrapper'
        config.optim_wrapper[part].update(options)
    return config


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
def test_a_search_in_mixed_precision_resumes_bit_for_bit(tmp_path, monkeypatch, dtype):
    """With MMEngine's own type; the backbone in 16 bits, the head behind it in 32."""
    spy = Spy(monkeypatch)
    options = dict(dtype=dtype)
    if dtype == 'float16':  # a scale that moves
        options['loss_scale'] = dict(init_scale=16.0, growth_interval=2)
    runner = Runner.from_cfg(amp_search(tmp_path / 'whole', **options))
    runner.train()
    assert spy.convs == {getattr(torch, dtype)} and spy.heads == {torch.float32}
    assert {'train/cost_term', 'train/arch_loss'} <= set(runner.message_hub.log_scalars)

    config = amp_search(tmp_path / 'resumed', **options)
    config.resume, config.load_from = True, str(tmp_path / 'whole/iter_3.pth')
    torch.manual_seed(99)
    Runner.from_cfg(config).train()
    whole, resumed = (tmp_path / f'{name}/iter_6.pth' for name in ('whole', 'resumed'))
    assert_equal_states(tensors(whole), tensors(resumed))
    for part in ('weights', 'arch'):
        scalers = [
            read_checkpoint(file)['optimizer'][part]['loss_scaler'] for file in (whole, resumed)
        ]
        assert scalers[0] == scalers[1]
        steps = dict(weights=6, arch=4)[part]
        assert scalers[0].get('scale') == (16.0 * 2 ** (steps // 2) if dtype == 'float16' else None)


def test_a_fine_tune_in_bfloat16(tmp_path, monkeypatch):
    spy = Spy(monkeypatch)
    config = train_config(tmp_path)
    config.optim_wrapper.type = 'mmtransfer.RegularisedAmpOptimWrapper'
    before = Runner.from_cfg(config)
    before.train()
    assert spy.convs == {torch.bfloat16}
    assert all(torch.isfinite(v).all() for v in before.model.state_dict().values())


def wrapper(**options):
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(2.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    return model.weight, RegularisedAmpOptimWrapper(optimizer=optimizer, **options)


def test_total_is_unscaled_task_plus_regularisers():
    weight, optim = wrapper(dtype='float16', clip_grad=dict(max_norm=1e6))
    optim.terms = lambda: {'extra': 3 * weight.sum()}
    optim.update_params(weight.square().sum())
    assert weight.item() == -1.5
    assert optim.message_hub.get_scalar('train/grad_norm').current() == 7.0  # not 65536 times that


def test_an_overflowing_step_is_left_out_and_the_scale_halved():
    weight, optim = wrapper(dtype='float16')
    optim.update_params(weight.sum() * 1e34)  # finite; 65536 times that is not
    assert weight.item() == 2.0 and optim.loss_scaler.get_scale() == 32768.0
    optim.update_params(weight.square().sum())
    assert weight.item() == 0.0


def test_overflows_without_end_stop():
    weight, optim = wrapper(dtype='float16', loss_scale=1e38)
    with pytest.raises(NonFiniteLossError, match='the last 50 steps.*scaled by 1e.38'):
        for _ in range(60):
            optim.update_params(weight.sum() * 10)
    assert weight.item() == 2.0


def test_a_nan_loss_is_an_error_not_an_overflow():
    weight, optim = wrapper(dtype='float16', kind='weights')
    with pytest.raises(NonFiniteLossError, match='task loss is nan in the weights step'):
        optim.update_params(weight.sum() * float('nan'))
    assert weight.grad is None and optim.loss_scaler.get_scale() == 65536.0


def test_loss_scale_means_what_it_means_in_mmengine():
    fixed = wrapper(loss_scale=512.0)[1]
    weight = fixed.optimizer.param_groups[0]['params'][0]
    fixed.update_params(weight.sum())
    assert fixed.loss_scaler.get_scale() == 512.0
    assert wrapper(loss_scale=dict(init_scale=4.0))[1].loss_scaler.get_scale() == 4.0
    assert not wrapper(dtype='bfloat16')[1].loss_scaler.is_enabled()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(dtype='float32'), "dtype must be 'float16' or 'bfloat16'; received 'float32'"),
        (dict(loss_scale='static'), "loss_scale must be 'dynamic'.*received 'static'"),
        (dict(loss_scale=-1.0), 'loss_scale must be'),
        (dict(use_fsdp=True), 'use_fsdp must be False'),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        wrapper(**options)


def test_parts_are_named(tmp_path, monkeypatch):
    """They compute in 16 bits, and no others; what leaves them has 32."""
    config = amp_search(tmp_path)
    model = TinyClassifier(config.model.backbone)
    x = torch.randn(2, 3, 32, 32)
    low, full = torch.bfloat16, torch.float32
    for parts, convs, heads in (
        (('backbone',), low, full),
        (('fc',), full, low),
        (('backbone', 'fc'), low, low),
    ):
        spy = Spy(monkeypatch)
        _, optim = wrapper(parts=parts)
        with optim.optim_context(model):
            assert model(x).dtype == full
        assert spy.convs == {convs} and spy.heads == {heads}
    _, optim = wrapper(parts=('backbones',))
    with pytest.raises(ValueError, match='such as .*backbone, fc.*received .*backbones'):
        with optim.optim_context(model):
            pass


def test_a_forward_of_ones_own_comes_back():
    """MMEngine's activation_checkpointing gives modules one."""
    module = nn.Linear(2, 2)
    own = module.forward
    module.forward = own
    with autocast([module], torch.bfloat16):
        assert module(torch.ones(1, 2)).dtype == torch.float32
        assert module.forward is not own
    assert vars(module)['forward'] is own
    plain = nn.Linear(2, 2)
    with pytest.raises(RuntimeError), autocast([plain], torch.bfloat16):
        raise RuntimeError
    assert 'forward' not in vars(plain)
