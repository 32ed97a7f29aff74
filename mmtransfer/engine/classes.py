"""Do the model and its training, validation and test data know the same classes?"""

from typing import Any

from mmengine.hooks import Hook

from mmtransfer.registry import HOOKS
from mmtransfer.tasks.folders import differing

from .parallel import unwrap


class ClassesError(ValueError):
    """A label would mean one class in one place and another elsewhere."""


def check_classes(num_classes: int, classes: dict[str, tuple[str, ...]]) -> None:
    """Compare the number of outputs with the classes of the data sets, and these with each other.

    Args:
        num_classes: Of the model.
        classes: Name of a part (``'train'``) -> its classes in the order of their labels.

    Raises:
        ClassesError: Names what differs and how to mend it.
    """
    parts = list(classes)
    for part in parts[1:]:
        if classes[part] != classes[parts[0]]:
            raise ClassesError(
                f'the {part} data must have the classes of the {parts[0]} data, in the same order; '
                f'{differing(classes[part], classes[parts[0]])} Give both the same class folders.'
            )
    for part in parts[:1]:
        if len(classes[part]) != num_classes:
            raise ClassesError(
                f'model.num_classes must be the number of classes of the {part} data, '
                f'{len(classes[part])}; received {num_classes}. Set '
                f'model.num_classes={len(classes[part])}.'
            )


@HOOKS.register_module()
class CheckClassesHook(Hook):
    """Runs :func:`check_classes` before the first batch of a training, a validation or a test."""

    def before_run(self, runner) -> None:
        """Called once, before weights are initialised."""
        loaders: dict[str, Any] = {
            'training': runner._train_loop,
            'validation': runner._val_loop,
            'test': runner._test_loop,
        }
        found = {
            part: tuple(loop.dataloader.dataset.metainfo.get('classes', ()))
            for part, loop in loaders.items()
            if hasattr(loop, 'dataloader')  # else a config that this run does not use
        }
        check_classes(unwrap(runner.model).num_classes, found)
