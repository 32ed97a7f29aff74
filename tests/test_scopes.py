"""A detector, a segmentor and a pose estimator, one after another in one process."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.cost.config import build_model
from tests.shrink import shrink

FNA = Path(__file__).parent.parent / 'configs/fna'
JOBS = {
    'mmdet': 'retinanet_mbv2_search',
    'mmseg': 'deeplabv3_mbv2_search',
    'mmpose': 'simplebaseline_mbv2_search',
}
pytestmark = pytest.mark.filterwarnings('ignore:The current default scope')


@pytest.fixture(scope='module', autouse=True)
def _clean():
    compat.apply()
    yield
    DefaultScope._instance_dict.clear()


def read(name: str) -> Config:
    return Config.fromfile(str(FNA / f'{name}.py'))


def search(toolbox: str, folder: Path) -> tuple:
    """Search and test, shrunken; what the run ends with, exactly."""
    cfg = shrink(read(JOBS[toolbox]), folder / toolbox)
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert type(runner.model).__module__.startswith(f'{toolbox}.')
    assert DefaultScope.get_current_instance().scope_name == toolbox
    found = Architecture.read(Path(runner.work_dir) / 'architecture.json')
    losses = runner.message_hub.get_scalar('train/loss')._log_history
    return found, losses.tolist(), runner.test()


def test_order_does_not_matter(tmp_path):
    """Each job ends with the same numbers whatever ran before it in the process."""
    forward = {name: search(name, tmp_path / 'forward') for name in JOBS}
    backward = {name: search(name, tmp_path / 'backward') for name in reversed(JOBS)}
    for name in JOBS:
        assert forward[name][:2] == backward[name][:2], name
        assert forward[name][2] == pytest.approx(backward[name][2], nan_ok=True), name


def test_models_of_all_toolboxes_are_built_in_turn():
    """Counting and deriving need no Runner, and leave the scope as they found it."""
    init_default_scope('mmengine')
    for toolbox in (*JOBS, *reversed(JOBS)):
        before = DefaultScope.get_current_instance().scope_name
        model = build_model(read(JOBS[toolbox]))
        assert type(model).__module__.startswith(f'{toolbox}.')
        assert DefaultScope.get_current_instance().scope_name == before
