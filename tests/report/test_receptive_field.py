"""Effective receptive fields against kernels convolved by hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from mmtransfer.backbones import AdaptedBackbone
from mmtransfer.report.receptive_field import (
    centre_box,
    draw_fields,
    mean_field,
    normalise,
    outside_share,
    receptive_field,
    without_activations,
)
from tests.processes import run_program

ROOT = Path(__file__).parents[2]


def stack(depth, channels=1):
    """3x3 convolutions of ones with activations between them."""
    layers = []
    for i in range(depth):
        conv = nn.Conv2d(3 if i == 0 else channels, channels, 3, padding=1, bias=False)
        nn.init.ones_(conv.weight)
        layers += [conv, nn.ReLU()]
    return nn.Sequential(*layers)


@pytest.mark.parametrize('depth', [1, 2, 4])
def test_a_stack_of_ones_has_the_kernel_convolved_with_itself(depth):
    row = np.ones(1)
    for _ in range(depth):
        row = np.convolve(row, np.ones(3))
    expected = np.zeros((17, 21))
    expected[8 - depth : 9 + depth, 10 - depth : 11 + depth] = np.outer(row, row) / 9.0**depth
    field = receptive_field(without_activations(stack(depth, 2)), (17, 21))
    assert field.shape == (17, 21) and field.dtype == torch.float64
    np.testing.assert_allclose(field.numpy(), expected, rtol=1e-6)
    assert int((field > 0).sum()) == (2 * depth + 1) ** 2


def test_deeper_networks_have_more_outside_the_box():
    shares = [
        outside_share(receptive_field(without_activations(stack(d)), (17, 17)), 5 / 17)
        for d in (1, 2, 3, 5)
    ]
    assert shares[0] == shares[1] == 0 and 0 < shares[2] < shares[3] < 1
    inner = (7 + 2 * 6 + 2 * 3) / 27  # of the row 1 3 6 7 6 3 1
    assert shares[2] == pytest.approx(1 - inner**2, abs=1e-9)


def test_activations_go_and_max_pooling_takes_no_side():
    plain = nn.Sequential(nn.MaxPool2d(3, 2, 1), nn.Conv2d(3, 1, 1, bias=False), nn.ReLU6())
    nn.init.constant_(plain[1].weight, -1.0)  # which a ReLU would silence
    field = receptive_field(without_activations(plain), (9, 9))
    assert torch.allclose(field[3:6, 3:6], torch.full((3, 3), 1 / 9, dtype=torch.float64))
    assert field.sum() == pytest.approx(1) and isinstance(plain[2], nn.ReLU6)


def test_norms_take_the_statistics_of_the_images():
    net = nn.Sequential(nn.BatchNorm2d(3))
    images = 5 + 2 * torch.randn(4, 3, 8, 8)
    normalise(net, images)
    torch.testing.assert_close(net[0].running_mean, images.mean((0, 2, 3)))
    torch.testing.assert_close(net[0].running_var, images.var((0, 2, 3)))
    assert net[0].momentum == 0.1 and not net[0].training


def test_a_deeper_last_stage_sees_more_and_the_generator_is_left_alone():
    state = torch.random.get_rng_state()
    shares = []
    for blocks in ([1, 1, 1, 1], [1, 1, 1, 4]):
        field = mean_field(
            lambda b=blocks: AdaptedBackbone('resnet18', blocks=b), (193, 193), runs=2
        )
        assert field.sum() == pytest.approx(1)
        shares.append(outside_share(field))
    assert 0 < shares[0] < shares[1] - 0.02
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_box():
    assert centre_box((17, 20), 0.5) == (4, 5, 13, 15)
    for wrong in (0, 1, 1.5):
        with pytest.raises(ValueError, match='between 0 and 1'):
            centre_box((9, 9), wrong)


def test_mistakes():
    net = without_activations(stack(1))
    with pytest.raises(ValueError, match='stage must lie between -1 and 0'):
        receptive_field(net, (9, 9), stage=1)
    nn.init.zeros_(net[0].weight)
    with pytest.raises(ValueError, match='a finite gradient other than 0'):
        receptive_field(net, (9, 9))
    with pytest.raises(ValueError, match='1 fields, 2 labels'):
        draw_fields([torch.ones(4, 4)], ['a', 'b'])
    with pytest.raises(ValueError, match='runs must be at least 1'):
        mean_field(lambda: net, (9, 9), runs=0)


def tool(*arguments):
    return run_program(ROOT / 'tools/receptive_field.py', *arguments)


def test_the_tool(tmp_path):
    torch.manual_seed(0)
    net = AdaptedBackbone('resnet18', blocks=[1, 1, 2, 1])
    torch.save({'state_dict': net.state_dict()}, tmp_path / 'own.pth')
    name, picture = 'resnet18:1,1,2,1', tmp_path / 'new/x.png'
    options = ('--shape', 65, 65, '--runs', 2, '-o', picture)
    done = tool(name, '--checkpoint', tmp_path / 'own.pth', '--labels', 'own', *options)
    assert done.returncode == 0, done.stderr
    field = mean_field(lambda: net, (65, 65), runs=2, random_weights=False)
    assert f'own: {outside_share(field):.1%} outside the centre box' in done.stdout
    assert cv2.imread(str(picture)).shape[0] > 400
    done = tool('resnet18:1,x', *options)
    assert done.returncode == 2 and 'must read like resnet50:1,3,7,5' in done.stderr
