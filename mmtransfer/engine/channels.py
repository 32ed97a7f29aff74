"""Does the neck (or the head) expect the channels that the backbone gives?"""

from typing import Any

from mmengine.hooks import Hook

from mmtransfer.registry import HOOKS

from .parallel import unwrap


class ChannelsError(ValueError):
    """The backbone's features do not fit the module that reads them."""


def check_channels(model: Any) -> None:
    """Compare the backbone's ``out_channels`` with the ``in_channels`` of what reads its features.

    Backbones without ``out_channels`` (the toolboxes' own) and readers without ``in_channels`` are
    left alone.

    Raises:
        ChannelsError: Names both and how to mend it.
    """
    model = unwrap(model)
    given = getattr(getattr(model, 'backbone', None), 'out_channels', None)
    if given is None:
        return
    given = list(given)
    for name in ('neck', 'decode_head', 'bbox_head', 'head'):
        reader = getattr(model, name, None)
        if reader is None:
            continue
        expected = getattr(reader, 'in_channels', None)
        if expected is None:
            return
        index = getattr(reader, 'in_index', None)
        _check_index(name, index, given)
        if isinstance(expected, int):
            picked = given[index] if isinstance(index, int) else given[-1]
            fits = expected == picked
        else:
            picked = given if index is None else [given[i] for i in index]
            fits = list(expected) == list(picked)
        if not fits:
            backbone = model.backbone
            names = [n for n in ('expand_indices', 'out_indices') if hasattr(backbone, n)]
            settings = ''.join(f', {n}={tuple(getattr(backbone, n))}' for n in names)
            others = ' or '.join(f'model.backbone.{n}' for n in names) or 'the backbone'
            raise ChannelsError(
                f"{name}.in_channels must equal the channels of the backbone's features, {picked} "
                f'({type(backbone).__name__}{settings}); received {expected}. Set '
                f'model.{name}.in_channels={picked} or change {others}.'
            )
        return


def _check_index(name: str, index: Any, given: list[int]) -> None:
    wanted = [] if index is None else [index] if isinstance(index, int) else list(index)
    if any(not -len(given) <= i < len(given) for i in wanted):
        raise ChannelsError(
            f'{name}.in_index must name features that the backbone gives, which are '
            f'{len(given)} of {given} channels; received {index}. Change model.{name}.in_index or '
            f'add to model.backbone.out_indices.'
        )


@HOOKS.register_module()
class CheckChannelsHook(Hook):
    """Runs :func:`check_channels` before the first batch of a training, a validation or a test."""

    def before_run(self, runner) -> None:
        """Called once, before weights are initialised."""
        check_channels(runner.model)
