"""How often a step makes the host wait for the device.

The tests have no device, so each tensor stands for one that lies on it. Whatever needs a value of
one on the host is counted. What lies on the host in any case is free: copies that ``cpu()``
returned, the step counters of torch's optimisers, the order and the seeds of the samples.
"""

import sys
from collections import Counter
from contextlib import contextmanager

import pytest
import torch

from mmtransfer import compat
from mmtransfer.engine.search_loop import SearchLoop
from tests.engine.test_search_loop import run
from tests.engine.tiny import loader, search_config

READS = (
    'item', 'tolist', 'cpu', 'numpy', '__bool__', '__float__', '__int__', '__index__', 'nonzero',
)  # fmt: skip


@contextmanager
def counted(monkeypatch):
    """Counts reads under the name of the step that is going on."""
    counts, going_on, on_host = Counter(), ['none'], []

    def free(tensor):
        kept = {t.untyped_storage().data_ptr() for t in on_host}
        caller = sys._getframe(2).f_code.co_filename
        on_host_anyway = any(
            place in caller for place in ('torch/optim', 'torch/utils/data', 'sampler')
        )
        return on_host_anyway or tensor.untyped_storage().data_ptr() in kept

    def reading(name, read):
        def called(tensor, *args, **kwargs):
            if not free(tensor):
                counts[going_on[0]] += 1
            found = read(tensor, *args, **kwargs)
            if name == 'cpu':
                on_host.append(found)
            return found

        return called

    def named(name, step):
        def called(loop, *args, **kwargs):
            before, going_on[0] = going_on[0], name(loop, *args)
            counts[f'{going_on[0]}: steps'] += 1
            try:
                return step(loop, *args, **kwargs)
            finally:
                going_on[0] = before

        return called

    def iteration(loop, idx, *_):
        return 'last of the epoch' if idx + 1 == len(loop.dataloader) else 'iteration'

    for method, name in (
        ('_step', lambda loop, plan, batch: plan.kind),
        ('run_iter', iteration),
    ):
        monkeypatch.setattr(SearchLoop, method, named(name, getattr(SearchLoop, method)))
    for name in READS:
        monkeypatch.setattr(torch.Tensor, name, reading(name, getattr(torch.Tensor, name)))
    yield counts


@pytest.mark.parametrize('alternation', [(1, 1), (1, 2)])
def test_a_step_waits_two_or_three_times(tmp_path, monkeypatch, alternation):
    """What the hooks read of a weight step, MMEngine's too, counts as the step's; epochs of 8
    iterations, the last of each is logged."""
    compat.apply()
    config = search_config(tmp_path, epochs=2, alternation=alternation)
    config.train_dataloader = loader(number=64)
    config.default_hooks.logger.interval = 100
    config.default_hooks.checkpoint.interval = 100
    with counted(monkeypatch) as counts:
        run(config)
    # The last iterations of both epochs are logged; with them two weight steps.
    assert counts['iteration: steps'] == 14 and counts['weights: steps'] == 16
    assert counts['arch: steps'] == (8 if alternation == (1, 1) else 4)
    outside = counts['iteration'] / counts['iteration: steps']
    assert counts['weights'] / counts['weights: steps'] + outside <= 2
    assert counts['arch'] / counts['arch: steps'] <= 3
