from pathlib import Path
from subprocess import CompletedProcess

import cv2
import numpy as np
import pytest

from mmtransfer.spaces import read_architecture, seed_architecture
from tests.processes import run_program

ROOT = Path(__file__).parents[2]
FNA = ROOT / 'configs/fna/architectures/retinanet_mbv2_fna.json'


def plot(*arguments) -> CompletedProcess:
    return run_program(ROOT / 'tools/plot_architecture.py', *arguments)


def test_a_seed_and_a_file_make_one_picture(tmp_path):
    done = plot('mobilenet_v2', FNA, '-o', tmp_path / 'new/x.png')
    assert done.returncode == 0, done.stderr
    image = cv2.imread(str(tmp_path / 'new/x.png'))
    assert image.shape[0] > 300 and image.shape[1] > 800
    done = plot('resnet50:1,3,7,5', '-o', tmp_path / 'one.png')
    assert done.returncode == 0, done.stderr
    blocks = cv2.imread(str(tmp_path / 'one.png'))
    assert blocks.shape[0] < image.shape[0]
    blue = np.array([0xE2, 0xCF, 0xBD])  # kernel 3 in one group, as OpenCV orders colours
    inside = np.abs(blocks.astype(int) - blue).max(-1) <= 3
    edges = np.diff(inside.any(0).astype(int)) == 1
    assert edges.sum() == 16  # a rectangle for each block


def test_costs_are_counted_at_the_given_shape(monkeypatch):
    from mmtransfer.tools.plot_architecture import counted

    seed = seed_architecture('mobilenet_v2')
    large = counted(seed, (800, 1088))
    assert large.input_size == (800, 1088)
    assert large.cost['madds'] == pytest.approx(4.8471e9, rel=1e-4)  # published: 4.8471 G
    assert counted(seed, (160, 160)).cost['params'] == large.cost['params']


def test_a_cost_keeps_its_output_stride_and_a_latency_its_conditions(monkeypatch):
    from mmtransfer.tools.plot_architecture import counted

    found = read_architecture(ROOT / 'configs/fna/architectures/deeplabv3_mbv2_fna.json')
    assert counted(found, found.input_size, found.output_stride).cost == found.cost
    assert counted(found, found.input_size, 32).cost['madds'] < found.cost['madds']
    timed = found.replace(cost={**found.cost, 'latency_ms': 31.25})
    assert counted(timed, found.input_size, 16).cost == timed.cost
    assert 'latency_ms' not in counted(timed, found.input_size, 32).cost
    assert 'latency_ms' not in counted(timed, (64, 64), 16).cost


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['missing.json'], 'no architecture file'),
        (['mobilenet_v2', '--titles', 'a', 'b'], '1 architectures, 2 titles'),
        (['mobilenet_v2', '--shape', '0', '5'], 'at least 1'),
    ],
)
def test_a_mistake_is_named_without_a_traceback(tmp_path, arguments, message):
    done = plot(*arguments, '-o', tmp_path / 'x.png')
    assert done.returncode == 2
    assert message in done.stderr and 'Traceback' not in done.stderr
    assert not (tmp_path / 'x.png').exists()
