"""What a search says while it runs and at its end."""

import logging
from typing import Any

from mmengine.hooks import LoggerHook

from mmtransfer.architecture import Architecture
from mmtransfer.cost.metrics import METRICS, say
from mmtransfer.cost.table import CostTable
from mmtransfer.search import Target, skip_share


class SearchLog:
    """The numbers of a search, beside those that MMEngine logs.

    Args:
        runner: Its message hub takes them; its LoggerHook says which iterations are logged.
        table: Gives the unit of the costs.
    """

    def __init__(self, runner: Any, table: CostTable) -> None:
        self.hub = runner.message_hub
        self.table = table
        intervals = [hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)]
        self.interval = min(intervals, default=10)

    def __call__(self, **values: float) -> None:
        """Note scalars of this iteration."""
        for name, value in values.items():
            self.hub.update_scalar(f'train/{name}', value)

    def cost(self, name: str, cost: float) -> None:
        """Note a cost under a name that says its unit, such as ``expected_cost_G``."""
        metric = METRICS[self.table.metric]
        self(**{f'{name}_cost_{metric.suffix}': cost / metric.scale})

    def found(self, architecture: Architecture | None) -> None:
        """Note what would be derived now. To find it takes longer than a step of a small network,
        so it is done for the iterations that are logged."""
        if architecture is not None:
            self(skip_share=skip_share(architecture))
            self.cost('derived', self.table.of(architecture))

    def due(self, number: int, length: int) -> bool:
        """Whether iteration ``number``, from 1, of an epoch of ``length`` is logged."""
        return number % self.interval == 0 or number == length


def report_target(
    logger: logging.Logger,
    table: CostTable,
    target: Target | None,
    architecture: Architecture | None,
) -> None:
    """Say how far from its target the derived architecture has ended; nothing without both."""
    if target is None or architecture is None:
        return
    cost = table.of(architecture)
    miss, found = target.miss(cost), say(table.metric, cost)
    wanted = say(table.metric, target.cost)
    if abs(miss) <= target.tolerance:
        logger.info(
            f'the derived backbone costs {found}: {miss:+.2%} from the target of {wanted} '
            f'(tolerance {target.tolerance:.0%}).'
        )
    else:
        logger.warning(
            f'the derived backbone costs {found} and misses the target of {wanted} by '
            f'{miss:+.2%} (tolerance {target.tolerance:.0%}), because no architecture of the '
            f'space lies nearer: its options are too coarse around this cost.'
        )
