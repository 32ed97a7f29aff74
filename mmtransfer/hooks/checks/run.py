"""All that is compared before the first step of a training, a validation or a test."""

from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook

from mmtransfer.data.batches import check_batches
from mmtransfer.data.parts import judged_parts, training_parts
from mmtransfer.hooks.checks.channels import check_channels
from mmtransfer.hooks.checks.classes import check_classes, check_labels
from mmtransfer.hooks.checks.head_boxes import check_head_boxes
from mmtransfer.hooks.checks.label_maps import check_label_maps
from mmtransfer.hooks.checks.labels import labels_in
from mmtransfer.hooks.checks.search import check_loop
from mmtransfer.registry import HOOKS
from mmtransfer.scoring.truth import check_annotated


def check_run(runner: Any) -> None:
    """Compare model, data and metrics with each other, as far as the loops of a run are built.

    Raises:
        ChannelsError: A reader of the backbone's features expects other channels.
        ClassesError: A label means one class in one place and another elsewhere.
        DataError: There is nothing to learn from or to measure, or a batch that the model cannot
            train on.
        HeadBoxesError: A metric asks for head boxes that are not there.
        SearchConfigError: A search has a loop that does not search.
    """
    model, trained, judged = runner.model, training_parts(runner), judged_parts(runner)
    check_loop(runner)
    check_channels(model)
    for part in (*trained, *judged):
        check_annotated(part)
    check_labels(model, [*trained, *judged])
    for part in (*trained, *judged):
        check_label_maps(model, part)
    for part in trained:
        check_batches(model, part)
    for part in judged:
        check_head_boxes(part.dataset, part, part.key.partition('_')[0])


def check_checkpoint(runner: Any, metainfo: Mapping[str, Any]) -> None:
    """Compare the classes that a checkpoint was trained for with those of what it is tested on.

    Raises:
        ClassesError: Other classes, or another order.
    """
    trained = labels_in(metainfo)
    if trained is None or training_parts(runner):
        return
    for part in judged_parts(runner):
        for key, data in part.named_datasets():
            labels = labels_in(getattr(data, 'metainfo', None))
            if labels is not None and labels.kind == trained.kind:
                found = {'the checkpoint': trained.names, key: labels.names}
                check_classes({}, found, labels.kind)


@HOOKS.register_module()
class CheckRunHook(Hook):
    """Runs ``check_run`` before the first batch; in a test ``check_checkpoint`` too.

    Our loops bring it along; for MMEngine's loops and for tests ``custom_hooks`` names it.
    """

    def before_run(self, runner) -> None:
        """Called once, before weights are initialised."""
        check_run(runner)

    def after_load_checkpoint(self, runner, checkpoint) -> None:
        """Called with what was read."""
        check_checkpoint(runner, checkpoint.get('meta', {}).get('dataset_meta') or {})


def ensure_checked(runner: Any) -> None:
    """Register ``CheckRunHook`` in a run whose config does not name it."""
    if not any(isinstance(hook, CheckRunHook) for hook in runner.hooks):
        runner.register_hook(CheckRunHook())
