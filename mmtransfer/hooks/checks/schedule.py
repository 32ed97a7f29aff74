"""Does a schedule fit the run? What a base config says for 90,000 iterations goes wrong in 100
without an error, so each misfit is a warning before the first step."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop

from mmtransfer.registry import HOOKS

MOST_WARM_UP = 0.1  # of the run
FEWEST_ARCH_STEPS = 50


@dataclass(frozen=True)
class Length:
    """How long a run is.

    Args:
        epochs: Passes over the data, 1 where the loop counts iterations.
        iterations: In all.
        by_epoch: Whether the loop counts epochs.
    """

    epochs: int
    iterations: int
    by_epoch: bool = True

    def of(self, by_epoch: bool) -> int:
        """In epochs or in iterations."""
        return self.epochs if by_epoch else self.iterations

    def __str__(self) -> str:
        if not self.by_epoch:
            return f'{self.iterations} iterations (train_cfg.max_iters)'
        return f'{self.epochs} epochs (train_cfg.max_epochs), {self.iterations} iterations'


def misfits(
    length: Length,
    schedules: Mapping[str, Sequence[Any]],
    validation: tuple[int, int] | None = None,
    arch_steps: tuple[int, int] | None = None,
) -> list[str]:
    """What in the schedules of a run does not fit its length.

    Args:
        length: Of the run.
        schedules: Config key -> the parameter schedulers there, as MMEngine built them.
        validation: ``val_begin`` and ``val_interval`` in the unit of the loop; None: there is none.
        arch_steps: ``arch_begin`` and how many architecture steps there will be; None: the searcher
            takes none.

    Returns:
        One sentence each, with the numbers and the key to change.
    """
    found = [
        sentence
        for key, group in schedules.items()
        for number, scheduler in enumerate(group)
        for sentence in _of_schedule(length, f'{key}.{number}', scheduler)
    ]
    if validation is not None:
        found += _of_validation(length, *validation)
    if arch_steps is not None and arch_steps[1] < FEWEST_ARCH_STEPS:
        begin, steps = arch_steps
        found.append(
            f'there will be {steps} architecture steps, and fewer than {FEWEST_ARCH_STEPS} hardly '
            f'move the logits from where they begin: train_cfg.arch_begin={begin} in a run of '
            f'{length}. Begin earlier, or train for longer.'
        )
    return found


def _of_schedule(length: Length, key: str, scheduler: Any) -> Iterator[str]:
    unit = 'epochs' if scheduler.by_epoch else 'iterations'
    total, begin, end = length.of(scheduler.by_epoch), scheduler.begin, scheduler.end
    kind = type(scheduler).__name__
    if begin >= total:
        yield f'{kind} never begins: {key}.begin={begin} {unit} in a run of {length}.'
        return
    if _warms_up(scheduler):
        if end - begin > MOST_WARM_UP * total:
            yield (
                f'the warm-up ({kind}) takes {end - begin} {unit}, more than a tenth of a run of '
                f'{length}: shorten it ({key}.end), or the rate is low for most of the run.'
            )
        return
    missed = _missed_steps(scheduler, total)
    if missed:
        name, moments = missed
        yield (
            f'{kind} never reaches {name}={moments} ({unit}) in a run of {length}: the rate does '
            f'not fall there. Set {key}.{name}.'
        )
    if _anneals(scheduler) and end > total:
        yield (
            f'{kind} ends after {end} {unit}, beyond the end of a run of {length}: the rate stays '
            f'above where it is to end. Set {key}.end.'
        )


def _warms_up(scheduler: Any) -> bool:
    """Whether it raises the rate towards that of the optimiser."""
    start = getattr(scheduler, 'start_factor', None)
    if start is not None:
        return start < scheduler.end_factor
    kind = type(scheduler).__name__
    return 'Warmup' in kind or 'Constant' in kind and scheduler.factor < 1


def _anneals(scheduler: Any) -> bool:
    """Whether it lowers the rate until its own end."""
    return any(name in type(scheduler).__name__ for name in ('Cosine', 'Poly', 'Linear'))


def _missed_steps(scheduler: Any, total: int) -> tuple[str, Any] | None:
    """The key that says when the rate falls, and those of its moments that are never reached."""
    milestones, step = getattr(scheduler, 'milestones', ()), getattr(scheduler, 'step_size', None)
    missed = [m for m in sorted(milestones) if scheduler.begin + m >= total]
    if missed:
        return 'milestones', missed
    return ('step_size', step) if step and scheduler.begin + step >= total else None


def _of_validation(length: Length, begin: int, interval: int) -> Iterator[str]:
    total, unit = length.of(length.by_epoch), 'epochs' if length.by_epoch else 'iterations'
    for key, value in (('val_begin', begin), ('val_interval', interval)):
        if value > total:
            what = 'there is no validation' if key == 'val_begin' else 'only the end is validated'
            yield f'{what}: train_cfg.{key}={value} {unit} in a run of {length}.'


def misfits_of(loop: Any) -> list[str]:
    """See ``misfits``, of a training loop of MMEngine's or ours, its optimisers built."""
    runner = loop.runner
    length = Length(loop.max_epochs, loop.max_iters, not isinstance(loop, IterBasedTrainLoop))
    given = runner.param_schedulers or {}
    groups = {f'.{name}': group for name, group in given.items()} if isinstance(
        given, Mapping) else {'': given}  # fmt: skip
    return misfits(
        length,
        {f'param_scheduler{name}': group for name, group in groups.items()},
        None if runner.val_loop is None else (loop.val_begin, loop.val_interval),
        getattr(loop, 'planned_arch_steps', None),
    )


def warn_of_misfits(loop: Any) -> None:
    """Write ``misfits_of`` a loop to the log."""
    for sentence in misfits_of(loop):
        loop.runner.logger.warning(sentence)


@HOOKS.register_module()
class CheckScheduleHook(Hook):
    """Warns before the first step of any training of schedules that do not fit the run: a warm-up
    longer than a tenth of it, milestones and validations that are never reached.

    Our own loops warn by themselves, the hook is for MMEngine's.
    """

    def before_train(self, runner) -> None:
        """Warn, unless the loop has done so."""
        if not getattr(runner.train_loop, 'checks_schedule', False):
            warn_of_misfits(runner.train_loop)
