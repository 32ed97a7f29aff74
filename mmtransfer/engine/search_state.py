"""What a search tells others: hooks, checkpoints, validations and tests."""

from pathlib import Path
from typing import Any

from mmengine.runner import EpochBasedTrainLoop

from mmtransfer.architecture import Architecture
from mmtransfer.cost.noted import with_cost
from mmtransfer.cost.table import CostTable
from mmtransfer.data.search_data import SearchData
from mmtransfer.data.split import SPLIT_RULE, describe_other_split
from mmtransfer.engine.candidates import Candidates
from mmtransfer.hooks.averaged import averaged
from mmtransfer.models import Supernet
from mmtransfer.scoring.held_out import ScoringInputs
from mmtransfer.search import Scores, Searcher
from mmtransfer.spaces import closest_to_seed


class SearchState(EpochBasedTrainLoop):
    """A loop that can say what is found, and how far the search is.

    Attributes:
        model: Not wrapped.
        supernet: The part of it that is searched.
        searcher: Plans the steps.
        table: Of the costs.
        candidates: What is scored after the last step.
        data: The training data.
        seed: Of the run.
        completed: Iterations.
    """

    model: Any
    supernet: Supernet
    searcher: Searcher
    table: CostTable
    candidates: Candidates
    data: SearchData
    seed: int
    completed: int

    @property
    def arch_dataloader(self) -> Any:
        """Of the held-out part; None where nothing is held out."""
        return self.data.held_out

    @property
    def scores(self) -> Scores | None:
        """Of the candidates; None until the first one is asked for."""
        return self.candidates.scores

    def found(self) -> Architecture | None:
        """What the searcher has found with the parameters that are validated and saved; None before
        it has learned or scored anything."""
        with averaged(self.runner):
            return self.searcher.architecture()

    def evaluated(self) -> Architecture:
        """What a validation runs now: by default what is found so far, and before that what is
        nearest to the seed."""
        with averaged(self.runner):
            return self.searcher.evaluated() or closest_to_seed(self.supernet.space)

    def derive(self) -> Architecture | None:
        """The architecture found so far, with its cost and how far the search is; None before there
        is one."""
        found = self.found()
        return None if found is None else self.described(found)

    def described(self, architecture: Architecture) -> Architecture:
        """An architecture with its cost and where it comes from."""
        return with_cost(
            architecture,
            self.table,
            iteration=self.completed,
            seed=self.seed,
            config=getattr(self.runner, 'experiment_name', ''),
            **self.progress(),
        )

    def progress(self) -> dict[str, Any]:
        """How far the search is: epochs that are over, and whether it has ended."""
        ended = self.completed >= self._max_iters or self.stop_training
        return {
            'epoch': self.completed // len(self.dataloader),
            'max_epochs': self._max_epochs,
            'finished': ended and not self.candidates.awaited,
            **self.searcher.progress(),
        }

    def checkpoint_state(self) -> dict[str, Any]:
        """What a checkpoint says of the search beside the weights."""
        state = {
            'fingerprint': self.supernet.space.fingerprint,
            'iteration': self._iter,
            'split': SPLIT_RULE,
            'search': self.progress(),
            'searcher': self.searcher.state(),
            'evaluated': list(self.evaluated().as_dict.values()),
            **self.candidates.state(),
        }
        if 'arch' not in self.searcher.kinds:  # else the logits say it, for any target
            found = self.found()
            state['found'] = found and list(found.as_dict.values())
        return state

    def restore(self, state: dict) -> None:
        """Take what ``checkpoint_state`` said when the checkpoint was written."""
        if self.data.held_out is not None and (
            moved := describe_other_split(state, self.runner.cfg.train_cfg.get('split'))
        ):
            self.runner.logger.warning(moved)
        self.candidates.restore(state)
        noted = state.get('searcher', state.get('search', {}))
        self.searcher.restore(noted, state['iteration'], len(self.dataloader))

    def adopt_seed(self, seed: int) -> None:
        """Go on with the seed of the run that is resumed."""
        self.seed = self.searcher.seed = seed
        self.data.reseed(seed)
        self.dataloader = self.data.training

    @property
    def planned_arch_steps(self) -> tuple[int, int] | None:
        """In which epoch architecture steps begin, and how many the whole run takes."""
        return self.searcher.planned_arch_steps(self._max_iters, len(self.dataloader))

    def scoring_inputs(self) -> ScoringInputs:
        """What the scores of candidates follow from."""
        return ScoringInputs(
            model=self.model,
            supernet=self.supernet,
            weights_loader=self.dataloader,
            held_out_loader=self.arch_dataloader,
            config=self.runner.cfg,
            work_dir=Path(self.runner.work_dir),
            seed=self.seed,
        )
