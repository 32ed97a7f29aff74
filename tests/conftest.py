"""What every test needs of its process: one thread, runs that do not share their names, and no
time spent on the layout of configs or in search of garbage among imported modules."""

import gc
import os
import uuid

import pytest

# Before torch reads it. Several threads on shared cores wait for each other longer than they run.
os.environ.setdefault('OMP_NUM_THREADS', '1')


@pytest.fixture(autouse=True, scope='session')
def _runs_of_their_own():
    """Name each run anew: mmengine names runs by the second and keeps what a name logged."""
    from mmengine.runner import Runner

    init = Runner.__init__

    def named(runner, *args, **kwargs):
        init(runner, *args, **{**kwargs, 'experiment_name': uuid.uuid4().hex})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runner, '__init__', named)
        yield


@pytest.fixture(autouse=True, scope='session')
def _configs_as_they_are():
    """Not formatted before they are written: that takes up to two thirds of a short run."""
    from mmengine.config import config
    from yapf.yapflib import yapf_api

    with pytest.MonkeyPatch.context() as patch:
        for module in (config, yapf_api):  # one of them is where mmengine reads it
            patch.setattr(module, 'FormatCode', lambda text, **kwargs: (text, False), raising=False)
        yield


@pytest.fixture(autouse=True, scope='module')
def _modules_are_no_garbage():
    """mmengine collects garbage for each data set that it builds, among all of the toolboxes."""
    gc.collect()
    gc.freeze()
