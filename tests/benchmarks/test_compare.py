"""The random architecture of a comparison."""

import itertools
import sys
from collections import Counter
from pathlib import Path

import pytest
from mmengine.config import Config

from mmtransfer.architecture import Architecture
from mmtransfer.cost import cost_table
from mmtransfer.spaces import mbconv_space

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'benchmarks'))
import compare  # noqa: E402

SIZE = (64, 64)
SEARCH = Config(dict(train_cfg=dict(input_size=SIZE), model=dict(backbone=dict())))


def test_every_architecture_of_the_cost_has_the_same_chance(tmp_path, monkeypatch):
    monkeypatch.setattr('os.fsync', lambda descriptor: None)  # hundreds of files
    last = {f'stage{s}.layer0': ['k3e3'] for s in (4, 5, 6)}
    space = mbconv_space('mobilenet_v2', [2, 2, 1, 1, 1, 1], [3], [2, 3, 4, 5, 6], restrict=last)
    table = cost_table(space, SIZE)
    found = space.architecture(['k3e6', 'k3e5', 'k3e6', 'k3e3', 'k3e6', 'k3e3', 'k3e3', 'k3e3'])
    cost = table.of(found)
    every = [
        space.architecture(ops) for ops in itertools.product(*(c.options for c in space.choices))
    ]
    equal = {a for a in every if abs(table.of(a) - cost) <= 0.005 * cost}
    assert len(equal) == 30
    found.replace(cost={'madds': cost}).write(tmp_path / 'found.json')
    drawn: Counter[Architecture] = Counter()
    for seed in range(400):
        compare.random_like(tmp_path / 'found.json', tmp_path / 'drawn.json', seed, SEARCH)
        a = Architecture.read(tmp_path / 'drawn.json')
        assert a.cost['madds'] == table.of(a)
        drawn[a] += 1
    assert drawn.keys() <= equal
    chi_square = sum((drawn[a] - 400 / 30) ** 2 / (400 / 30) for a in equal)
    assert chi_square < 58.3, 'beyond 99.9 % of uniform draws'  # 29 degrees of freedom
    compare.random_like(tmp_path / 'found.json', tmp_path / 'again.json', 399, SEARCH)
    assert (tmp_path / 'again.json').read_text() == (tmp_path / 'drawn.json').read_text()


def test_an_architecture_without_its_cost_is_refused(tmp_path):
    space = mbconv_space('mobilenet_v2')
    space.architecture([c.options[0] for c in space.choices]).write(tmp_path / 'a.json')
    with pytest.raises(ValueError, match='carries no cost'):
        compare.random_like(tmp_path / 'a.json', tmp_path / 'b.json', 0, SEARCH)
