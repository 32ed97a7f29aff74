"""After the weight steps of a random or evolutionary search: score candidates, take the best."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import MMLogger

from mmtransfer.architecture import Architecture
from mmtransfer.cost.metrics import say
from mmtransfer.cost.table import CostTable
from mmtransfer.files import write_atomically
from mmtransfer.scoring.held_out import HeldOut
from mmtransfer.search import CandidateSearcher, Scores, ScoresError, score_candidates

FILE = 'candidates.json'


def run_candidate_phase(
    runner: Any,
    searcher: CandidateSearcher,
    held_out: HeldOut,
    scores: Scores,
    table: CostTable,
    describe: Callable[[Architecture], Architecture],
    restored: Any = None,
) -> None:
    """Score the candidates that a searcher asks for; the best is the search's result.

    Every score is in ``candidates.json`` of the work directory before the next candidate begins;
    a resumed run reads it and evaluates what is missing, so it ends as an uninterrupted one. At the
    end the supernet's batch normalisation has the statistics of the best candidate.

    Args:
        runner: MMEngine's, for its work directory, its log and its curves.
        searcher: Asks for candidates.
        held_out: Scores them.
        scores: Receives every score.
        table: What candidates cost.
        describe: Candidate -> the same with what is to be noted of it, such as its cost.
        restored: Scores that a checkpoint holds, as JSON values.

    Raises:
        ScoresError: No candidate has a finite score.
    """
    file = Path(runner.work_dir) / FILE
    _recall(scores, file, restored, describe)
    began = time.monotonic()

    def scored(candidate: Architecture, new: bool) -> None:
        if new and held_out.metrics:
            scores.metrics[candidate] = held_out.metrics
        if new and is_main_process():
            write_atomically(scores.to_json(), file)
        number, score = len(searcher.told), scores.values[candidate]
        best = searcher.architecture()
        assert best is not None  # this candidate was told
        found = scores.values[best]
        runner.logger.info(
            f'Candidate [{number}/{searcher.candidates}]  {held_out.settings.metric}: {score:.6g}  '
            f'found so far: {found:.6g}  cost: {say(table.metric, table.of(candidate))}  '
            f'time: {time.monotonic() - began:.1f}{"" if new else "  (known)"}'
        )
        shown = {'candidate/score': score, 'candidate/found': found}
        shown = {name: value for name, value in shown.items() if math.isfinite(value)}
        runner.visualizer.add_scalars(shown, step=number)

    score_candidates(searcher, held_out, scores, scored, describe)
    if len(searcher.told) < searcher.candidates:
        runner.logger.warning(
            f'the search ends after {len(searcher.told)} of {searcher.candidates} candidates: no '
            f'other architecture within the bound on the cost was found.'
        )
    undecided = say_undecided(searcher, scores)
    if undecided:
        runner.logger.warning(undecided)
    best: Any = searcher.architecture()  # one at least was scored
    held_out.inputs.supernet.select(best)
    held_out.reestimate()


def say_undecided(searcher: CandidateSearcher, scores: Scores) -> str:
    """How often all candidates that were compared scored alike, so that chance or cost decided.

    Args:
        searcher: After its search.
        scores: Of its candidates.

    Returns:
        Nothing where scores have decided.

    Raises:
        ScoresError: No candidate has a finite score: there is no result.
    """
    groups = [group for group in searcher.compared() if len(group) > 1]
    if not any(math.isfinite(scores.values[a]) for a in searcher.told):
        raise ScoresError(
            f'the search must have a candidate with a finite score; none of {len(searcher.told)} '
            f'has: nothing was predicted, or there was nothing to measure. Train the supernet for '
            f"longer, or score by the loss (train_cfg.evaluation.metric='loss')."
        )
    alike = [group for group in groups if scores.are_alike(group)]
    if not alike:
        return ''
    one = scores.values[alike[0][0]]
    return (
        f'all candidates score alike in {len(alike)} of {len(groups)} comparisons (such as '
        f'{one:.6g} for {len(alike[0])} of them): cost or order decided there, and not the data. '
        f'Train the supernet for longer, hold out more data (train_cfg.split.arch), or score by '
        f"the loss (train_cfg.evaluation.metric='loss')."
    )


def _recall(
    scores: Scores, file: Path, restored: Any, describe: Callable[[Architecture], Architecture]
) -> None:
    """Take the scores that the checkpoint and the work directory hold, if they are of these very
    weights and settings; every rank gets those of the first one."""
    space = scores.space
    if is_main_process():
        sources: dict[str, Callable[[], Scores]] = {}
        if restored is not None:
            sources['the checkpoint'] = lambda: Scores.from_data(restored, space, 'the checkpoint')
        if file.exists():
            sources[str(file)] = lambda: Scores.from_json(file.read_text(), space, str(file))
        for name, read in sources.items():
            try:
                scores.take(read(), name)
            except ScoresError as error:
                MMLogger.get_current_instance().warning(
                    f'scores of an earlier run are not used: {error}'
                )
    known: list[Any] = [scores.values, scores.metrics]
    broadcast_object_list(known)
    values, scores.metrics = known
    # A file of scores has the costs alone of what is to be noted of an architecture.
    scores.values = {describe(a): score for a, score in values.items()}
