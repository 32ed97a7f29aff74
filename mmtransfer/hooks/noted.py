"""What a run takes from a checkpoint beside its tensors: what is evaluated, and the seed."""

from collections.abc import Mapping
from typing import Any

from mmtransfer.architecture import unfinished
from mmtransfer.backbones import supernets_in
from mmtransfer.models import unwrap
from mmtransfer.search import evaluated_architecture


class ResumeError(RuntimeError):
    """A checkpoint that belongs to another config or another model."""


def select_noted(runner: Any, noted: Mapping[str, Any]) -> None:
    """Select in a supernet what its checkpoint says, or the search that has run in this process.

    Args:
        runner: Before a test, or before a validation by itself.
        noted: What the checkpoint holds under ``'mmtransfer'``.

    Raises:
        RemapError: The checkpoint is of another space.
        ScoresError: It is of a version that did not note what is evaluated, and was written before
            a candidate was scored.
    """
    supernets = supernets_in(unwrap(runner.model))
    if len(supernets) != 1:
        return
    loop, (supernet,) = runner._train_loop, supernets
    if hasattr(loop, 'evaluated'):  # the search itself, in this process
        found = loop.evaluated()
    else:
        found = evaluated_architecture(supernet, runner.cfg.get('train_cfg'), noted)
    if found is None:
        return
    supernet.select(found)
    runner.logger.info(f'testing the architecture {found.as_dict}')
    known = loop.progress() if hasattr(loop, 'progress') else noted.get('search', {})
    warning = unfinished('tested is the architecture that validation ran', known)
    if warning:
        runner.logger.warning(warning)


def take_seed(runner: Any, seed: int | None) -> None:
    """Let a resumed run have the seed of the run that it continues.

    Args:
        runner: Its loop was built with the seed of the config, or with one of its own.
        seed: That the checkpoint says; None: it says none.

    Raises:
        ResumeError: The config sets another one.
    """
    given = runner._randomness_cfg.get('seed')
    if seed is None:
        return
    if given is not None and given != seed:
        raise ResumeError(
            f'a run must be resumed with the seed that began it, {seed}; randomness.seed is '
            f'{given}. Set randomness.seed={seed} or leave it out, or start again in another '
            f'work_dir.'
        )
    loop = runner.train_loop
    if getattr(loop, 'seed', seed) != seed:
        loop.adopt_seed(seed)
        runner.logger.info(f'going on with the seed of the checkpoint, {seed}.')
