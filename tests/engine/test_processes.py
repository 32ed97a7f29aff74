"""A search in processes of its own: two ranks, and a process that is killed."""

import json
import signal
from pathlib import Path

import pytest

from mmtransfer import compat
from mmtransfer.checkpoints.reading import read_checkpoint
from tests.engine import search_worker
from tests.engine.test_search_loop import assert_equal_states, tensors
from tests.processes import Started, free_port


@pytest.fixture(autouse=True)
def _stack():
    compat.apply()  # checkpoints are read here, too


def start(work_dir, *arguments, rank=None, world=1, port=0):
    env = {}
    if rank is not None:
        env.update(
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE=str(world),
            MASTER_ADDR='127.0.0.1',
            MASTER_PORT=str(port),
        )
    return Started(search_worker.main, [str(work_dir), *arguments], env=env)


def finish(process, code=0):
    done = process.finish()
    assert done.returncode == code, (done.stdout + done.stderr)[-4000:]


def run_ranks(work_dir, *arguments):
    port = free_port()
    ranks = [start(work_dir, *arguments, rank=r, world=2, port=port) for r in (0, 1)]
    for process in ranks:
        finish(process)


def last(work_dir):
    return Path((work_dir / 'last_checkpoint').read_text().strip()).name


@pytest.mark.parametrize('space', ['mobilenet_v2', 'narrow_resnet18'])
def test_two_ranks_take_the_same_path_and_resume(tmp_path, space):
    run_ranks(tmp_path / 'whole', '--space', space)
    lines = [(tmp_path / f'whole/selections.{r}.txt').read_text() for r in (0, 1)]
    assert lines[0] == lines[1] and len(lines[0].splitlines()) == 6
    final = last(tmp_path / 'whole')

    # Resumed in the middle of an epoch, both ranks go on to the same numbers.
    (tmp_path / 'part').mkdir()
    (tmp_path / 'part/iter_3.pth').write_bytes((tmp_path / 'whole/iter_3.pth').read_bytes())
    (tmp_path / 'part/last_checkpoint').write_text(str(tmp_path / 'part/iter_3.pth'))
    run_ranks(tmp_path / 'part', '--space', space, '--resume')
    assert_equal_states(tensors(tmp_path / 'whole' / final), tensors(tmp_path / 'part' / final))


@pytest.mark.parametrize('where', [('weights', '3'), ('arch', '2')])
def test_killed_during_a_step_and_resumed(tmp_path, where):
    """DESIGN.md, test 4: SIGKILL in the middle of a step costs that step and nothing else."""
    whole = start(tmp_path / 'whole')
    finish(start(tmp_path / 'killed', '--kill-in', *where), -signal.SIGKILL)
    finish(whole)
    left = tmp_path / 'killed' / last(tmp_path / 'killed')
    assert read_checkpoint(left)
    finish(start(tmp_path / 'killed', '--resume'))
    final = last(tmp_path / 'whole')
    assert final == last(tmp_path / 'killed')
    assert_equal_states(tensors(tmp_path / 'whole' / final), tensors(tmp_path / 'killed' / final))


def test_two_ranks_score_the_same_candidates_also_when_killed_among_them(tmp_path):
    run_ranks(tmp_path / 'two', '--candidates', 'random')
    file = json.loads((tmp_path / 'two/candidates.json').read_text())
    assert len(file['candidates']) == 3 and file['evaluation']['processes'] == 2

    finish(start(tmp_path / 'whole', '--candidates', 'random'))
    finish(start(tmp_path / 'killed', '--candidates', 'random', '--kill-in', 'candidate', '0'), -9)
    assert not (tmp_path / 'killed/candidates.json').exists()
    finish(start(tmp_path / 'killed', '--candidates', 'random', '--resume'))
    one, two = ((tmp_path / d / 'candidates.json').read_text() for d in ('whole', 'killed'))
    assert one == two


def test_two_ranks_share_what_candidates_have_in_common(tmp_path):
    """The chain and every score are those of one candidate after the other, on two ranks too."""
    for kind in ('shared', 'alone'):
        run_ranks(tmp_path / kind, '--candidates', kind)
    for name in ('candidates.json', 'chain.json'):
        one, two = ((tmp_path / kind / name).read_text() for kind in ('shared', 'alone'))
        assert one == two
    assert json.loads(one)[-1]['size'] == 6
