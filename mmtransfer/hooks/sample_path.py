"""A supernet trained without a search: every iteration runs another random architecture."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook

from mmtransfer.architecture import Architecture
from mmtransfer.hooks.checks.search import SearchConfigError, find_supernet
from mmtransfer.models import unwrap
from mmtransfer.randomness import common_seed, draw_rng
from mmtransfer.registry import HOOKS
from mmtransfer.space import SearchSpace
from mmtransfer.spaces import closest_to_seed, read_architecture
from mmtransfer.spaces.kinds import largest

Named = str | os.PathLike | Mapping[str, Any] | Sequence[int]


@HOOKS.register_module()
class SamplePathHook(Hook):
    """Selects, before each training iteration of any loop, an architecture drawn uniformly from the
    supernet's space (block allocation, Sec. 3.2).

    The draw follows from the seed of the run and the number of the iteration, so that all ranks
    take the same path and a resumed run goes on as an uninterrupted one. Checkpoints say of which
    space they are.

    Args:
        evaluate: What validation and test run. ``'largest'``: all blocks of a supernet of block
            allocations. ``'seed'``: the seed's architecture, or the nearest. Numbers of blocks,
            ``[3, 4, 6, 3]``. The path or the content of an architecture file.
    """

    priority = 'LOWEST'  # after our CheckpointHook, whose record it completes

    def __init__(self, evaluate: Named = 'largest') -> None:
        self.evaluate = evaluate
        self._seed: int | None = None

    def before_run(self, runner) -> None:
        """Refuse what cannot work before anything else happens.

        Raises:
            SearchConfigError: The loop is a search, or the model has no supernet.
            ValueError: ``evaluate`` names no architecture of the supernet.
        """
        if hasattr(runner._train_loop, 'searcher'):
            raise SearchConfigError(
                f'SamplePathHook is for a training without a search; '
                f'{type(runner._train_loop).__name__} selects the paths itself. Remove the hook '
                f'from default_hooks (of our configs, sample_path) or custom_hooks.'
            )
        self._supernet = find_supernet(unwrap(runner.model))
        self._evaluated = named_architecture(self._supernet.space, self.evaluate)

    def before_train_iter(self, runner, batch_idx: int, data_batch: Any = None) -> None:
        """Select the path of this iteration."""
        if self._seed is None:
            self._seed = common_seed(runner)
        self._supernet.release()
        rng = draw_rng(self._seed, 'path', runner.iter)
        self._supernet.select(self._supernet.space.sample(rng))

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Free the selection also where no backward pass has reached the supernet."""
        self._supernet.release()

    def before_val(self, runner) -> None:
        """Select what is evaluated; the next iteration selects its own."""
        self._supernet.select(self._evaluated)

    before_test = before_val

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Note the space, which whoever takes weights from the checkpoint compares."""
        record = checkpoint.setdefault('mmtransfer', {})
        record['fingerprint'] = self._supernet.space.fingerprint


def named_architecture(space: SearchSpace, name: Named) -> Architecture:
    """An architecture of a space, as ``SamplePathHook`` takes it.

    Raises:
        ValueError: The space has no largest architecture, or the name has another form.
        SpaceError: The architecture is not of this space.
    """
    if isinstance(name, str) and name == 'seed':
        return closest_to_seed(space)
    if isinstance(name, str) and name == 'largest' or _is_numbers(name):
        whole = largest(space)
        if whole is None:
            raise ValueError(
                f"evaluate must be 'seed' or an architecture file where the space is not one of "
                f'block allocations; the space is {space.name!r}, received {name!r}.'
            )
        if name == 'largest':
            return whole
        return space.architecture([str(n) for n in name])  # type: ignore[union-attr]
    if not isinstance(name, str | os.PathLike | Mapping | Architecture):
        raise ValueError(
            f"evaluate must be 'largest', 'seed', numbers of blocks, or the path or the content of "
            f'an architecture file; received {name!r}.'
        )
    found = read_architecture(name)
    space.check(found)
    return found


def _is_numbers(name: Named) -> bool:
    return isinstance(name, Sequence) and not isinstance(name, str)
