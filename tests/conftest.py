"""What every test needs of its process: one thread, runs that do not share their names, and no
time spent on the layout of configs or in search of garbage among imported modules."""

import gc
import os
import shutil
import uuid

import pytest

# Before torch reads it. Several threads on shared cores wait for each other longer than they run.
os.environ.setdefault('OMP_NUM_THREADS', '1')


def pytest_addoption(parser):
    parser.addoption(
        '--device',
        choices=['cuda', 'cpu'],
        default='cuda',
        help='where the tests marked cuda run; cpu stands in for a GPU',
    )


def pytest_collection_modifyitems(config, items):
    """Without as many GPUs as a test marked cuda needs it is deselected, and counted as that."""
    marks = {item: item.get_closest_marker('cuda') for item in items}
    if config.getoption('--device') == 'cpu' or not any(marks.values()):
        return
    import torch

    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    needed = {item: mark.kwargs.get('devices', 1) if mark else 0 for item, mark in marks.items()}
    config.hook.pytest_deselected(items=[item for item in items if needed[item] > found])
    items[:] = [item for item in items if needed[item] <= found]


@pytest.fixture
def device(request):
    """Where a test marked cuda runs."""
    return request.config.getoption('--device')


@pytest.fixture(autouse=True, scope='session')
def _runs_of_their_own():
    """Give each run its own name: mmengine names by the second and keeps what a name logged."""
    from mmengine.runner import Runner

    init = Runner.__init__

    def named(runner, *args, **kwargs):
        init(runner, *args, **{**kwargs, 'experiment_name': uuid.uuid4().hex})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runner, '__init__', named)
        yield


@pytest.fixture(autouse=True, scope='session')
def _configs_as_they_are():
    write_configs_as_they_are()


def write_configs_as_they_are():
    """Not formatted: that takes up to two thirds of a short run."""
    from mmengine.config import config
    from yapf.yapflib import yapf_api

    for module in (config, yapf_api):  # one of them is where mmengine reads it
        vars(module)['FormatCode'] = lambda text, **kwargs: (text, False)


@pytest.fixture(autouse=True, scope='module')
def _modules_are_no_garbage():
    """mmengine collects garbage for each data set that it builds, among all of the toolboxes."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope='module')
def _folders_go_with_their_module(tmp_path_factory):
    """Those of fixtures; pytest removes a test's own. Checkpoints are large."""
    base = tmp_path_factory.getbasetemp()
    before = set(base.iterdir())
    yield
    for path in set(base.iterdir()) - before:
        if path.is_symlink():  # to the last one of its name
            path.unlink()
        elif path.is_dir() and not path.name.startswith('test_'):
            shutil.rmtree(path)
