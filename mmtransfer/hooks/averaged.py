"""One set of weights and logits for all that a search says, where an EMAHook averages them.

Such a hook validates averaged parameters, and saves them in the place of those that are trained.
So what is derived, scored and written must follow from them too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.hooks import EMAHook


@contextmanager
def averaged(runner: Any) -> Iterator[None]:
    """Inside, the model has the parameters that are validated and saved; without an EMAHook those
    are its own.

    Statistics of batch normalisation that are estimated inside belong to the averaged parameters,
    and are saved with them.
    """
    hooks = [hook for hook in runner.hooks if isinstance(hook, EMAHook)]
    for hook in hooks:
        hook._swap_ema_parameters()
    try:
        yield
    finally:
        for hook in reversed(hooks):
            hook._swap_ema_parameters()
            if not hook.ema_model.update_buffers:  # else they were exchanged as well
                kept = zip(hook.ema_model.module.buffers(), hook.src_model.buffers(), strict=True)
                for theirs, ours in kept:
                    theirs.data.copy_(ours.data)
