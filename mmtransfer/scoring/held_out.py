"""The score of a candidate: how its path through the supernet does on the held-out part."""

import copy
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from math import ceil, isfinite, nan
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import all_reduce, get_world_size
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.registry import EVALUATOR
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from mmtransfer.architecture import Architecture
from mmtransfer.cost.config import own_backbone_configs
from mmtransfer.data.held_out import EvaluationError, as_validated, restrict_evaluator
from mmtransfer.data.loaders import EpochLoader, build_loader, forget_leftovers
from mmtransfer.digests import config_digests, digest
from mmtransfer.models import Supernet
from mmtransfer.randomness import draw_seed, seed_step
from mmtransfer.scoring.bn import kept_modes, reestimate_bn
from mmtransfer.scoring.exact_metrics import every_prediction, unrounded
from mmtransfer.scoring.truth import has_annotations, has_objects, measured, without_head_boxes
from mmtransfer.search import Scores
from mmtransfer.spaces import closest_to_seed

LOSS = 'loss'


@dataclass(frozen=True)
class Evaluation:
    """How candidates are scored.

    Args:
        metric: ``'loss'``, the task loss; or a metric of the evaluator, such as
            ``'coco/bbox_mAP'``.
        rule: ``'less'`` or ``'greater'``: which score is better. By default less for the loss,
            greater for a metric.
        bn_iterations: Batches of the weights' part, on each rank, over which the statistics of
            batch normalisation are estimated for each candidate.
        samples: Use so many of the held-out samples, drawn once; by default all. The loss takes
            whole batches, so it rounds up.
        evaluator: Config to use instead of ``val_evaluator``. Its annotation file, if it has one,
            must hold the held-out images and no others.

    Raises:
        EvaluationError: A value is out of its range.
    """

    metric: str = LOSS
    rule: str = ''
    bn_iterations: int = 50
    samples: int | None = None
    evaluator: Any = None

    def __post_init__(self) -> None:
        better = self.rule or ('less' if self.metric == LOSS else 'greater')
        object.__setattr__(self, 'rule', better)
        if better not in ('less', 'greater'):
            raise EvaluationError(f"rule must be 'less' or 'greater'; received {self.rule!r}.")
        for name in ('bn_iterations', 'samples'):
            value = getattr(self, name)
            if not (type(value) is int and value >= 1 or name == 'samples' and value is None):
                raise EvaluationError(f'{name} must be an integer of at least 1; received {value}.')


@dataclass(frozen=True)
class ScoringInputs:
    """What the score of a candidate follows from, beside how it is scored.

    Args:
        model: Not wrapped; its weights stay as they are.
        supernet: The part of it that runs a candidate.
        weights_loader: The weights' part of the training set, to estimate statistics on.
        held_out_loader: The other part, to score on.
        config: Of the run: its model, its data, and how a validation reads and judges.
        work_dir: Where files are written that an evaluator reads.
        seed: Of the run.
    """

    model: Any
    supernet: Supernet
    weights_loader: EpochLoader
    held_out_loader: EpochLoader
    config: Config
    work_dir: Path
    seed: int


# Around the forward passes of one candidate; several take turns on every batch.
Turn = Callable[[], AbstractContextManager]
# A score, and all metrics by name.
Outcome = tuple[float, dict[str, float]]


class HeldOut:
    """Candidate -> score, by weights that stay as they are.

    The statistics of batch normalisation are estimated on the weights' part for each candidate,
    and what they were is put back. Every candidate sees the same batches with the same augmentation
    and the same random numbers, so a score depends on the candidate alone.

    Args:
        inputs: What is scored, and on what.
        settings: How to score.

    Raises:
        EvaluationError: The metric needs annotations or a loader that are not there.
    """

    def __init__(self, inputs: ScoringInputs, settings: Evaluation) -> None:
        self.inputs = inputs
        self.settings = settings
        self.model = inputs.model
        self.metrics: dict[str, float] = {}  # all that the last evaluation said, if it said more
        self.scorer = _Loss(self) if settings.metric == LOSS else _Metric(self)

    def __call__(self, architecture: Architecture) -> float:
        """The score; NaN where the evaluator has nothing to say (no prediction at all)."""
        with self.inputs.supernet.evaluating(architecture), kept_statistics(self.model):
            self.reestimate()
            ((score, self.metrics),) = self.scorer.score()
            return score

    def reestimate(self) -> None:
        """Estimate the statistics of batch normalisation for what is selected now."""
        self.begin()
        loader = self.inputs.weights_loader
        loader.start_at(0, 0)
        reestimate_bn(self.model, loader, self.settings.bn_iterations)

    def begin(self) -> None:
        """The same random numbers for every candidate; no gradient takes up memory."""
        self.model.zero_grad(set_to_none=True)
        seed_step(self.inputs.seed, 'candidate', 0)

    def scores(self) -> Scores:
        """No scores yet, but all that they follow from."""
        cfg, given = self.inputs.config, self.settings
        model = copy.deepcopy(cfg.model)
        for backbone in own_backbone_configs(model, cfg.get('default_scope')).values():
            backbone['init_cfg'] = None  # the weights count, not where they began
        follows = {
            'metric': given.metric,
            'bn_iterations': given.bn_iterations,
            'samples': given.samples,
            'evaluator': self.scorer.digest(),
            'model': digest(model),  # its test_cfg, its losses
            'seed': self.inputs.seed,
            'processes': get_world_size(),
            'data': config_digests(cfg)['train_dataloader'],
            'split': json.loads(json.dumps(cfg.train_cfg.get('split') or {}, default=str)),
            'weights': digest_weights(self.model),
        }
        return Scores(self.inputs.supernet.space, given.rule, follows)


class _Loss:
    """The mean task loss over the held-out samples, those included that ``drop_last`` leaves out of
    a pass. Normalisation uses its running statistics and nothing is dropped out; everything else
    behaves as in training."""

    def __init__(self, held_out: HeldOut) -> None:
        self.held_out = held_out
        self.loader = held_out.inputs.held_out_loader
        samples = held_out.settings.samples
        per_batch = self.loader.batch_sampler.batch_size * get_world_size()
        self.batches = None if samples is None else ceil(samples / per_batch)

    def check(self) -> None:
        """Every model has a loss."""

    def digest(self) -> None:
        """Nothing but the model says what its loss is."""

    @torch.no_grad()
    def score(self, turns: Sequence[Turn] = (nullcontext,)) -> list[Outcome]:
        """One score per turn; the batches are read once."""
        self.held_out.begin()
        model = self.held_out.model
        device = next(model.parameters()).device
        totals = [torch.zeros(2, dtype=torch.float64, device=device) for _ in turns]
        self.loader.start_at(0, 0)
        try:
            with as_in_training(model), self.loader.batch_sampler.keep_leftovers():
                for batch in islice(self.loader, self.batches):
                    for turn, total, own in zip(turns, totals, copies(batch, turns), strict=True):
                        with turn():
                            data = model.data_preprocessor(own, True)
                            loss = model.parse_losses(model._run_forward(data, mode='loss'))[0]
                        count = loss.new_tensor(len(batch['inputs'])).double()
                        total += torch.stack([loss.double() * count, count])
        finally:
            forget_leftovers(self.loader.batch_sampler.batches)
        for total in totals:
            all_reduce(total)
        return [((total[0] / total[1]).item(), {}) for total in totals]


class _Metric:
    """A metric of the toolbox on the held-out samples, read as the validation data is."""

    def __init__(self, held_out: HeldOut) -> None:
        self.held_out = held_out
        inputs, settings = held_out.inputs, held_out.settings
        cfg = inputs.config
        evaluator = settings.evaluator or cfg.get('val_evaluator')
        if cfg.get('val_dataloader') is None or not evaluator:
            raise EvaluationError(
                f'the metric {settings.metric!r} needs val_dataloader and val_evaluator in the '
                f'config; one is missing. Add it, or score by the loss (metric={LOSS!r}).'
            )
        dataset = as_validated(
            inputs.held_out_loader.dataset.dataset,
            cfg.val_dataloader,
            settings.samples,
            inputs.seed,
        )
        self.size = len(dataset)
        self.loader = build_loader(cfg.val_dataloader, dataset, draw_seed(inputs.seed, 'held out'))
        if settings.evaluator is None:
            evaluator = restrict_evaluator(evaluator, dataset, inputs.work_dir / 'held_out.json')
        loader = {k: v for k, v in cfg.val_dataloader.items() if k in ('dataset', 'batch_size')}
        self._configs = [settings.evaluator or cfg.val_evaluator, loader]
        self._config = evaluator
        self._meta = dataset.metainfo
        self.evaluators = [self._evaluator()]
        if not has_annotations(dataset) or not has_objects(
            settings.metric, self.evaluators[0].metrics
        ):
            raise EvaluationError(
                f'the metric {settings.metric!r} needs objects to measure by, and the '
                f'{len(dataset)} held-out samples have none. Correct train_cfg.split.arch or '
                f'evaluation.samples, or score by the loss (metric={LOSS!r}).'
            )
        headless = without_head_boxes(dataset, self.evaluators[0])
        if headless is not None:
            raise EvaluationError(
                f'{type(headless[0]).__name__} measures errors in head sizes (PCKh), and the '
                f'training set, {type(headless[1]).__name__}, has no head boxes. Measure in boxes, '
                f"evaluation.evaluator=dict(type='PCKAccuracy', norm_item='bbox'), or score by the "
                f'loss (metric={LOSS!r}).'
            )

    def check(self) -> None:
        """Refuse a metric that the evaluator does not produce, by the first batch.

        Raises:
            EvaluationError: Lists what it does produce.
        """
        supernet = self.held_out.inputs.supernet  # before the first step nothing is selected
        running = supernet.evaluating(closest_to_seed(supernet.space))
        with running, every_prediction(self.held_out.model):
            ((_, found),) = self._evaluate(1, [nullcontext])
        if not found:
            MMLogger.get_current_instance().warning(
                f'whether the evaluator produces the metric {self.held_out.settings.metric!r} is '
                f'not known before the candidates are scored: it has nothing to say on the first '
                f'batch.'
            )

    def digest(self) -> str:
        """Of the configs that say how predictions are made and judged."""
        return digest(self._configs)

    def score(self, turns: Sequence[Turn] = (nullcontext,)) -> list[Outcome]:
        """One score per turn, and all metrics; the batches are read once."""
        return self._evaluate(None, turns)

    def _evaluator(self) -> Any:
        evaluator = build_evaluator(self._config)
        evaluator.dataset_meta = self._meta
        return evaluator

    @torch.no_grad()
    def _evaluate(self, batches: int | None, turns: Sequence[Turn]) -> list[Outcome]:
        self.held_out.begin()
        model = self.held_out.model
        self.loader.start_at(0, 0)
        while len(self.evaluators) < len(turns):
            self.evaluators.append(self._evaluator())
        evaluators = self.evaluators[: len(turns)]
        with kept_modes(model):
            model.eval()
            for batch in islice(self.loader, batches):
                for turn, evaluator, own in zip(
                    turns, evaluators, copies(batch, turns), strict=True
                ):
                    with turn():
                        samples = model.val_step(own)
                    evaluator.process(data_samples=samples, data_batch=own)
        with unrounded(metric for evaluator in evaluators for metric in evaluator.metrics):
            found = [(e.metrics, e.evaluate(self.size)) for e in evaluators]
        return [self._outcome(measured(metrics, values)) for metrics, values in found]

    def _outcome(self, found: Mapping[str, Any]) -> Outcome:
        wanted = self.held_out.settings.metric
        if found and wanted not in found:
            raise EvaluationError(
                f'metric must be {LOSS!r} or one that the evaluator produces: '
                f'{", ".join(sorted(found))}; received {wanted!r}. Correct it in '
                f'train_cfg.evaluation, or give another evaluator there.'
            )
        numbers = {k: float(v) for k, v in found.items() if _is_number(v)}
        return (float(found[wanted]) if found else nan), numbers


def build_evaluator(config: Any) -> Evaluator:
    """As MMEngine's runner does it: from the config of a metric, of several, or of an evaluator."""
    if isinstance(config, Mapping) and 'metrics' in config:
        return EVALUATOR.build({'type': 'Evaluator', **config})
    return Evaluator(config)


def _is_number(value: Any) -> bool:
    try:
        return isfinite(float(value))
    except (TypeError, ValueError):
        return False


def copies(batch: Any, turns: Sequence[Turn]) -> list[Any]:
    """The batch for every turn: models write into the samples that they are given."""
    return [batch, *(copy.deepcopy(batch) for _ in turns[1:])]


@contextmanager
def kept_statistics(model: nn.Module) -> Iterator[None]:
    """Afterwards the running statistics of batch normalisation are what they were."""
    kept = [
        (buffer, buffer.clone())
        for m in model.modules()
        if isinstance(m, _BatchNorm)
        for buffer in m.buffers(recurse=False)
    ]
    try:
        yield
    finally:
        for buffer, value in kept:
            buffer.copy_(value)


@contextmanager
def as_in_training(model: nn.Module) -> Iterator[None]:
    """Training mode, but for batch normalisation and dropout; afterwards each module's own mode."""
    with kept_modes(model):
        model.train()
        for m in model.modules():
            if isinstance(m, (_BatchNorm, _DropoutNd)):
                m.eval()
        yield


def digest_weights(model: nn.Module) -> str:
    """16 hexadecimal digits that follow from every bit of the parameters."""
    found = hashlib.sha256()
    for name, p in model.named_parameters():
        found.update(name.encode())
        flat: Tensor = p.detach().cpu().contiguous().reshape(-1)
        found.update(flat.view(torch.uint8).numpy().tobytes())
    return found.hexdigest()[:16]
