"""Remedy: MMEngine hands options of workers to loaders that have none."""

import functools
from typing import Any

from mmtransfer.compat.patching import after_import, go_around


def mend_loaders() -> None:
    """Let loaders do without workers, when (or if) the runner is imported."""
    after_import(
        'mmengine.runner.runner',
        lambda module: go_around(module.Runner, 'build_dataloader', _without_workers),
    )


def _without_workers(build: Any) -> Any:
    """torch refuses persistent workers where there are none, and so any config of a toolbox once
    ``num_workers=0`` is set in it."""

    @functools.wraps(build)
    def mended(dataloader: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(dataloader, dict) and not dataloader.get('num_workers'):
            idle = ('persistent_workers', 'prefetch_factor', 'timeout', 'multiprocessing_context')
            dataloader = {k: v for k, v in dataloader.items() if k not in idle}
        return build(dataloader, *args, **kwargs)

    return mended
