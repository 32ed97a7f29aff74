"""Checks by themselves, as older configs name them; ``CheckRunHook`` runs them all."""

from mmengine.hooks import Hook

from mmtransfer.data.parts import judged_parts, training_parts
from mmtransfer.hooks.checks.channels import check_channels
from mmtransfer.hooks.checks.classes import check_labels
from mmtransfer.hooks.checks.head_boxes import check_head_boxes
from mmtransfer.registry import HOOKS


@HOOKS.register_module()
class CheckChannelsHook(Hook):
    """Runs ``check_channels`` before the first batch."""

    def before_run(self, runner) -> None:
        """Called once, before weights are initialised."""
        check_channels(runner.model)


@HOOKS.register_module()
class CheckClassesHook(Hook):
    """Runs ``check_labels`` before the first batch."""

    def before_run(self, runner) -> None:
        """Called once, before weights are initialised."""
        check_labels(runner.model, [*training_parts(runner), *judged_parts(runner)])


@HOOKS.register_module()
class CheckHeadBoxesHook(Hook):
    """Runs ``check_head_boxes`` before the first batch."""

    def before_run(self, runner) -> None:
        """Called once, before weights are initialised."""
        for part in judged_parts(runner):
            check_head_boxes(part.dataset, part, part.key.partition('_')[0])
