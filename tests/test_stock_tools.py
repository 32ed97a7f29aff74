"""What is trained here runs in the toolboxes' own programs: from another folder, with the config
that the run has dumped and the checkpoint, and without the architecture file."""

import importlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.checkpoints.reading import read_checkpoint
from mmtransfer.spaces import mbconv_space
from tests.shrink import shrink

ROOT = Path(__file__).parent.parent
RULE = dict(layers=(2, 2, 2, 2, 2, 1), kernels=(3, 5), expansions=(3, 6), min_layers=1)


@pytest.fixture(scope='module', autouse=True)
def _clean():
    compat.apply()
    yield
    DefaultScope._instance_dict.clear()


def config(name: str, folder: Path) -> Config:
    """An adapt config whose architecture file is named relative to the folder."""
    space = mbconv_space('mobilenet_v2', **RULE)
    space.architecture([c.options[0] for c in space.choices]).write(folder / 'architecture.json')
    cfg = shrink(Config.fromfile(ROOT / f'configs/fna/{name}_adapt.py'), folder)
    cfg.model.backbone.architecture = 'architecture.json'
    cfg.model.backbone.pop('output_stride', None)
    cfg.log_level = 'INFO'
    cfg.default_hooks.pop('reestimate_bn', None)
    cfg.default_hooks.checkpoint.update(save_best=None)
    cfg.dump(folder / f'{name}.py')
    return Config.fromfile(folder / f'{name}.py')


def run(toolbox: str, tool: str, *arguments: object, folder: Path) -> str:
    """The output of a toolbox's own tool, started in a folder."""
    package = importlib.util.find_spec(toolbox)
    assert package is not None and package.origin is not None
    program = Path(package.origin).parent / f'.mim/tools/{tool}.py'
    env = dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=os.pathsep.join([str(ROOT), *sys.path]))
    command = [sys.executable, str(program), *map(str, arguments)]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture(scope='module')
def detector(tmp_path_factory):
    """The folder of a RetinaNet that mmdet's own tools/train.py has trained and resumed."""
    folder = tmp_path_factory.mktemp('retinanet')
    config('retinanet_mbv2', folder)
    run('mmdet', 'train', 'retinanet_mbv2.py', folder=folder)
    run(
        'mmdet', 'train', 'retinanet_mbv2.py', '--resume', '--cfg-options',
        'train_cfg.max_epochs=2', folder=folder,
    )  # fmt: skip
    (folder / 'architecture.json').unlink()
    return folder / 'work'


def test_mmdets_train_resumes(detector):
    assert read_checkpoint(detector)['meta']['epoch'] == 2
    assert (detector / 'epoch_1.pth').exists()
    logs = [path.read_text() for path in detector.glob('*/*.log')]
    assert sum('resumed epoch: 1' in text for text in logs) == 1


def test_mmdets_test(detector, tmp_path):
    found = run(
        'mmdet', 'test', detector / 'retinanet_mbv2.py', detector / 'epoch_2.pth',
        '--work-dir', tmp_path / 'test', folder=tmp_path,
    )  # fmt: skip
    assert 'coco/bbox_mAP' in found and f'Load checkpoint from {detector}/epoch_2.pth' in found


@pytest.mark.filterwarnings('ignore:Failed to add')
def test_init_detector_and_the_inferencer(detector, tmp_path, monkeypatch):
    """Both give what the trained weights give; the second from the checkpoint alone."""
    from mmdet.apis import DetInferencer, inference_detector, init_detector

    monkeypatch.chdir(tmp_path)
    image = str(next((detector.parent / 'data/images').glob('*.png')))
    checkpoint = str(detector / 'epoch_2.pth')
    model = init_detector(str(detector / 'retinanet_mbv2.py'), checkpoint, device='cpu')
    state = read_checkpoint(checkpoint)['state_dict']
    assert all(torch.equal(tensor, state[n]) for n, tensor in model.state_dict().items())
    boxes = inference_detector(model, image).pred_instances.bboxes
    assert len(boxes) > 0
    inferencer = DetInferencer(weights=checkpoint, device='cpu', show_progress=False)
    found = inferencer(image, pred_score_thr=0)['predictions'][0]['bboxes']
    assert torch.allclose(torch.tensor(found), boxes)


@pytest.mark.parametrize(
    ('toolbox', 'name', 'metric'),
    [('mmseg', 'deeplabv3_mbv2', 'mIoU'), ('mmpose', 'simplebaseline_mbv2', 'PCK')],
)
def test_their_own_test_gives_our_metric(toolbox, name, metric, tmp_path, monkeypatch):
    home = tmp_path / 'home'
    home.mkdir()
    monkeypatch.chdir(home)
    runner = Runner.from_cfg(config(name, home))
    runner.train()
    wanted = runner.test()[metric]
    (home / 'architecture.json').unlink()
    work = Path(runner.work_dir)
    (checkpoint,) = work.glob('*.pth')
    found = run(
        toolbox, 'test', work / f'{name}.py', checkpoint, '--work-dir', tmp_path / 'test',
        folder=tmp_path,
    )  # fmt: skip
    (value,) = {*re.findall(rf' {metric}: ([\d.]+)', found)}
    assert float(value) == pytest.approx(wanted, abs=1e-4)

    monkeypatch.chdir(tmp_path)
    image = str(next((home / 'data').rglob('*.png')))
    apis = importlib.import_module(f'{toolbox}.apis')
    model = apis.init_model(str(work / f'{name}.py'), str(checkpoint), device='cpu')
    state = read_checkpoint(checkpoint)['state_dict']
    assert all(torch.equal(tensor, state[n]) for n, tensor in model.state_dict().items())
    if toolbox == 'mmseg':
        assert apis.inference_model(model, image).pred_sem_seg.data.shape == (1, 64, 64)
    else:
        (found,) = apis.inference_topdown(model, image, np.array([[0, 0, 64, 64]]))
        keypoints = found.pred_instances.keypoints
        assert keypoints.shape == (1, 16, 2)
