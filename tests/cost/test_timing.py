import pytest
import torch

from mmtransfer.backbones import MIXTURE, DepthSupernet, FNASupernet
from mmtransfer.cost import timing
from mmtransfer.cost.timing import FIXED, median_times, supernet_jobs, table_of_times

SPACE = dict(layers=(2, 1, 1, 1, 1, 1), kernels=(3, 5), expansions=(3,))


def test_the_median_of_the_rounds_after_the_warm_up(monkeypatch):
    """Jobs take turns; the first round, which is slow, does not count."""
    ran = []
    times = {'a': iter([100.0, 1.0, 9.0, 2.0]), 'b': iter([200.0, 5.0, 4.0, 6.0])}
    monkeypatch.setattr(timing, '_wall_ms', lambda job: next(times[job()]))
    jobs = {key: lambda key=key: ran.append(key) or key for key in 'ab'}
    assert median_times(jobs, repeats=3, warmup=1) == {'a': 2.0, 'b': 5.0}
    assert ran == list('ab' * 4)


def test_wall_time_is_in_milliseconds():
    found = median_times({'sleep': lambda: timing.time.sleep(0.02)}, repeats=3, warmup=0)
    assert 20 <= found['sleep'] < 200


def seen_shapes(supernet, run):
    """Name of every block that ran -> shape of its input."""
    seen = {}
    hooks = [
        block.register_forward_pre_hook(lambda _, x, name=name: seen.update({name: x[0].shape}))
        for name, block in supernet.named_modules()
        if name == 'stem' or (name.startswith('stages.') and hasattr(block, 'run'))
    ]
    run()
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize(
    ('cfg', 'blocks'),
    [
        (dict(SPACE, out_indices=(6,)), 1 + 7 * 2),
        (dict(SPACE, out_indices=(6,), output_stride=16), 1 + 7 * 2),
        (dict(seed='resnet18', out_indices=(3,)), None),
    ],
)
def test_blocks_are_timed_at_the_shapes_of_a_forward_pass(cfg, blocks):
    supernet, images = FNASupernet(**cfg).eval(), torch.randn(2, 3, 65, 97)
    jobs = supernet_jobs(supernet, images)
    timed = seen_shapes(supernet, lambda: [job() for job in jobs.values()])
    supernet.select(MIXTURE)
    with torch.no_grad():
        assert timed == seen_shapes(supernet, lambda: supernet(images))
    assert blocks is None or len(timed) == 1 + blocks
    assert set(jobs) - {FIXED} == {
        (c.name, o) for c in supernet.space.choices for o in c.options if o != 'skip'
    }


def test_the_table_holds_every_time_and_nothing_for_skips():
    supernet = FNASupernet(out_indices=(6,), **SPACE)
    jobs = supernet_jobs(supernet, torch.randn(1, 3, 32, 32))
    table = table_of_times(supernet, (32, 32), {key: 1.0 + i for i, key in enumerate(jobs)})
    assert table.fixed == 1.0 and table.metric == 'latency' and table.input_size == (32, 32)
    assert table.entries['stage1.layer1'] == {'k3e3': 4.0, 'k5e3': 5.0, 'skip': 0.0}


@pytest.mark.parametrize(
    ('seed', 'most', 'last'),
    [('efficientnet_lite0', (2, 2, 3, 2, 2), 6), ('resnet18', (2, 3, 2, 2), 3)],
)
def test_where_depth_is_searched_an_option_costs_its_block_and_those_before(seed, most, last):
    """Every block is timed at the shape that it meets; a network costs the sum of its blocks."""
    supernet, images = (
        DepthSupernet(seed, most, out_indices=(last,)).eval(),
        torch.randn(1, 3, 65, 97),
    )
    jobs = supernet_jobs(supernet, images)
    timed = seen_shapes(supernet, lambda: [job() for job in jobs.values()])
    supernet.select(supernet.space.architecture([str(n) for n in most]))
    with torch.no_grad():
        assert timed == seen_shapes(supernet, lambda: supernet(images))
    table = table_of_times(supernet, (65, 97), {key: 10.0**-i for i, key in enumerate(jobs)})
    assert table.fixed == 1.0
    assert list(table.entries.values())[0] == {'1': 0.1, '2': 0.1 + 0.01}
    whole = supernet.selection
    assert table.of(whole) == pytest.approx(sum(10.0**-i for i in range(1 + sum(most))))
