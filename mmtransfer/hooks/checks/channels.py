"""Does whatever reads the backbone's features expect the channels that it gives?"""

from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from mmtransfer.models import config_key, unwrap

# The detector that mmdet's semi-supervised models hold twice is named once in their config.


class ChannelsError(ValueError):
    """The backbone's features do not fit the module that reads them."""


def check_channels(model: Any) -> None:
    """Compare the backbone's ``out_channels`` with the ``in_channels`` of all that reads its
    features: the neck, or where there is none every head, auxiliary ones included.

    Backbones without ``out_channels`` (the toolboxes' own) and readers without ``in_channels`` are
    left alone. The backbone may be that of a detector within a wrapper.

    Raises:
        ChannelsError: Names both, with their keys in the config, and how to mend it.
    """
    for path, module in unwrap(model).named_modules():
        backbone = getattr(module, 'backbone', None)
        if getattr(backbone, 'out_channels', None) is None:
            continue
        for name, reader in _readers(module):
            if _expected(reader) is not None:
                _check_reader(config_key(path), name, reader, backbone)


def _readers(module: Any) -> Iterator[tuple[str, Any]]:
    """What reads the backbone's features: the first part of the neck, or every head."""
    neck = getattr(module, 'neck', None)
    if neck is not None:
        yield from list(_listed('neck', neck))[:1]
        return
    for name, child in module.named_children():
        if name not in ('backbone', 'data_preprocessor'):
            yield from _listed(name, child)


def _listed(name: str, module: Any) -> Iterator[tuple[str, Any]]:
    """A module, or those of a list of them (auxiliary heads, the stages of a cascade)."""
    if isinstance(module, (nn.ModuleList, nn.Sequential)):
        for number, inner in enumerate(module):
            yield f'{name}.{number}', inner
    else:
        yield name, module


def _expected(reader: Any) -> Any:
    """``in_channels`` as a reader was built with; None where it does not say."""
    if type(reader).__name__ == 'CTResNetNeck':  # has those of its last layer there
        return reader.deconv_layers[0].in_channels
    return getattr(reader, 'in_channels', None)


def _check_reader(key: str, name: str, reader: Any, backbone: Any) -> None:
    given, expected = list(backbone.out_channels), _expected(reader)
    index = getattr(reader, 'in_index', None)
    _check_index(f'{key}.{name}', index, f'{key}.backbone', given)
    needed: Any
    if isinstance(index, Sequence):
        needed = [given[i] for i in index]
    elif isinstance(expected, int):
        needed = given[-1 if index is None else index]
    else:
        needed = given if index is None else [given[index]]
    if isinstance(expected, int):  # of several features: their channels are joined
        fits = expected == (needed if isinstance(needed, int) else sum(needed))
    else:
        fits = list(expected) == needed
    if fits:
        return
    names = [n for n in ('expand_indices', 'out_indices') if hasattr(backbone, n)]
    settings = ''.join(f', {n}={tuple(getattr(backbone, n))}' for n in names)
    others = ' or '.join(f'{key}.backbone.{n}' for n in names) or 'the backbone'
    raise ChannelsError(
        f"{name}.in_channels must equal the channels of the backbone's features, {needed} "
        f'({type(backbone).__name__}{settings}); received {expected}. Set '
        f'{key}.{name}.in_channels={needed} or change {others}.'
    )


def _check_index(reader: str, index: Any, backbone: str, given: list[int]) -> None:
    wanted = [] if index is None else [index] if isinstance(index, int) else list(index)
    if any(not -len(given) <= i < len(given) for i in wanted):
        raise ChannelsError(
            f'{reader}.in_index must name features that the backbone gives, which are '
            f'{len(given)} of {given} channels; received {index}. Change {reader}.in_index or '
            f'add to {backbone}.out_indices.'
        )
