"""``auto_scale_lr`` in a search: what follows from the batch size is the rate of the weights."""

from typing import Any

from mmengine.optim import OptimWrapper, OptimWrapperDict


def scale_weights_alone(runner: Any) -> None:
    """Let ``auto_scale_lr`` scale the learning rate of the weights and leave that of the logits.

    MMEngine would scale every optimiser that it finds. The rule is one for SGD on a loss that is
    averaged over the batch; the rate of the logits, and the cost term that it goes with, know no
    batch.

    Args:
        runner: Its optimisers are built here, where there is something to scale, as it would
            directly after the loop.
    """
    one = isinstance(runner.optim_wrapper, OptimWrapper)  # of joint steps: its one rate is scaled
    if one or not (runner.auto_scale_lr or {}).get('enable', False):
        return
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    weights = OptimWrapperDict(weights=runner.optim_wrapper['weights'])
    runner.scale_lr(weights, runner.auto_scale_lr)
    runner.auto_scale_lr = dict(runner.auto_scale_lr, enable=False)
