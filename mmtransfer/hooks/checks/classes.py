"""Do the model and its training, validation and test data know the same classes or joints?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmtransfer.compat.annotations import listed
from mmtransfer.data.parts import Part
from mmtransfer.hooks.checks.labels import labels_in, names_in_file, names_in_metric
from mmtransfer.models import config_key, unwrap
from mmtransfer.tasks.folders import difference

# Parts of a model whose `num_classes` counts something else than the classes of the data.
_OTHERS = ('backbone', 'rpn_head', 'semantic_head', 'panoptic_fusion_head')
# Where mmpose keeps the heads whose `out_channels` are joints.
_BY_CHANNELS = ('heatmap_heads', 'coord_cls_heads')


class ClassesError(ValueError):
    """A label would mean one class in one place and another elsewhere."""


def check_classes(
    outputs: int | Mapping[str, int],
    classes: Mapping[str, Sequence[str]],
    kind: str = 'classes',
) -> None:
    """Compare the numbers of outputs with the classes of the data sets, and these with each other.

    Args:
        outputs: Key of the config (``'model.bbox_head.num_classes'``) -> its value; a number alone
            is that of ``model.num_classes``.
        classes: Key of a data set (``'train_dataloader.dataset'``) -> its classes in the order of
            their labels.
        kind: What they are called.

    Raises:
        ClassesError: Names what differs and how to mend it.
    """
    if isinstance(outputs, int):
        outputs = {'model.num_classes': outputs}
    if not classes:
        return
    first, names = next(iter(classes.items()))
    for part, theirs in classes.items():
        if theirs != names:
            raise ClassesError(
                f'the {kind} of {part} must be those of {first}, in the same order, in which '
                f'labels are numbered; {difference(theirs, names)} They are {listed(theirs)} and '
                f'{listed(names)}. Give both the same metainfo.classes, class folders or type.'
            )
    for key, count in outputs.items():
        if count != len(names):
            raise ClassesError(
                f'{key} must be the number of {kind} of {first}, {len(names)}: {listed(names)}; '
                f'received {count}. Set {key}={len(names)}, or correct the metainfo of the data.'
            )


def check_names(key: str, dataset: Any, metrics: Sequence[Any] = ()) -> None:
    """Compare the classes of a data set with what its labels mean by its annotation file.

    Args:
        key: Of the data set in the config, ``'train_dataloader.dataset'``.
        dataset: Without wrappers.
        metrics: What judges it; their own annotation files are looked at too.

    Raises:
        ClassesError: Names the file, what its order gives, and how to mend it.
    """
    classes = (getattr(dataset, 'metainfo', None) or {}).get('classes')
    if isinstance(classes, str):
        raise ClassesError(
            f'{key}.metainfo.classes must be a tuple of names; received the text {classes!r}. '
            f'Write classes=({classes!r},), with a comma.'
        )
    if not classes:
        return
    named = tuple(classes)
    found = names_in_file(dataset)
    if found is not None:
        _check_order(key, named, found, str(dataset.ann_file))
    for metric in metrics:
        judged = names_in_metric(metric, named)
        if judged is not None:
            _check_order(key, named, judged, f'the ann_file of {type(metric).__name__}')


def _check_order(key: str, named: tuple[str, ...], found: tuple[str, ...], file: str) -> None:
    if named == found:
        return
    if set(named) == set(found):
        raise ClassesError(
            f"{key}.metainfo.classes must be in the order of the file's categories, in which mmdet "
            f'numbers labels; received {listed(named)}, and {file} lists {listed(found)}. List its '
            f'categories in the order of the classes; or, if the files of all data sets have the '
            f'order of this one, set metainfo.classes={listed(found, len(found))} for all of them.'
        )
    raise ClassesError(
        f'{key}.metainfo.classes must name categories of the file, as the labels of the others '
        f'move up in place of one that is not there; in {file} {difference(found, named)} Add it '
        f'to the categories there (it needs no annotation), or correct metainfo.classes.'
    )


def outputs_of(model: Any, kind: str) -> dict[str, int]:
    """Key in the config -> the number of classes or of joints that a head gives.

    Args:
        model: Any; detectors within wrappers are found too.
        kind: ``'classes'`` or ``'joints'``. Proposals have no class, nor have masks of a head that
            does not tell classes apart.
    """
    count = _classes_of if kind == 'classes' else _joints_of
    found = {
        f'{config_key(path)}.{name}': number
        for path, module in unwrap(model).named_modules()
        for name, number in count(path.split('.'), module)
    }
    if len(found) > 1:
        found.pop('model.num_classes', None)  # mmseg's segmentors repeat that of their head
    return found


def _classes_of(path: list[str], module: Any) -> Iterator[tuple[str, int]]:
    count = getattr(module, 'num_classes', None)
    others = any(name in _OTHERS or name.startswith('loss') for name in path)
    agnostic = getattr(module, 'class_agnostic', False)
    if type(count) is int and count > 0 and not others and not agnostic:
        yield 'num_classes', count


def _joints_of(path: list[str], module: Any) -> Iterator[tuple[str, int]]:
    if path[-1] != 'head':
        return
    for name in ('num_joints', 'num_keypoints'):
        if type(getattr(module, name, None)) is int:
            yield name, getattr(module, name)
            return
    places = {part for kind in type(module).__mro__ for part in kind.__module__.split('.')}
    count = getattr(module, 'out_channels', None)
    if type(count) is int and places & set(_BY_CHANNELS):
        decoder = getattr(module, 'decoder', None)
        offsets = getattr(decoder, 'heatmap_type', None) == 'combined'  # a map and two offsets
        yield 'out_channels', count // 3 if offsets else count


def check_labels(model: Any, parts: Sequence[Part]) -> None:
    """All of the above, for a model and the data of a run.

    Raises:
        ClassesError: See ``check_classes`` and ``check_names``.
    """
    known: dict[str, dict[str, tuple[str, ...]]] = {'classes': {}, 'joints': {}}
    for part in parts:
        for key, data in part.named_datasets():
            check_names(key, data, part.metrics)
            labels = labels_in(getattr(data, 'metainfo', None))
            if labels is not None:
                known[labels.kind][key] = labels.names
    for kind, found in known.items():
        check_classes(outputs_of(model, kind), found, kind)
