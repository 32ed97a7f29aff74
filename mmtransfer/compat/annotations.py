"""What an annotation file holds and what a sample lacks, for messages that say so."""

import json
import mmap
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class DataError(ValueError):
    """A data set that cannot be read as its config says."""


class EmptyDataError(DataError):
    """A data set without a sample, or without an annotation."""


class SampleError(DataError):
    """A sample that cannot be read."""


def read_categories(file: str | os.PathLike) -> dict[Any, str]:
    """Id -> name of the categories of a file in COCO's format, in its order.

    Only the list of categories is parsed, so files of any size take no time.

    Args:
        file: A local file.

    Returns:
        Empty for a file that cannot be read or has no such list.
    """
    key = b'"categories"'
    try:
        with (
            open(file, 'rb') as opened,
            mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as m,
        ):
            place = m.find(key)
            while place >= 0:
                found = _list_at(m, place + len(key))
                if found is not None:
                    return {entry['id']: str(entry['name']) for entry in found}
                place = m.find(key, place + 1)
    except (OSError, ValueError, TypeError, KeyError):  # mmap refuses an empty file by ValueError
        pass
    return {}


def _list_at(content: Any, place: int) -> list | None:
    """The JSON list behind a key that ends at this place; None if something else is there."""
    end = content.find(b']', place)
    while end >= 0:
        before, _, text = content[place : end + 1].partition(b':')
        if before.strip() or not text.lstrip().startswith(b'['):
            return None
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            end = content.find(b']', end + 1)  # the list holds lists, such as a skeleton
    return None


def is_annotated(info: Mapping[str, Any]) -> bool | None:
    """Whether a sample's record has something that a metric measures; None if it does not tell.

    Args:
        info: As ``get_data_info`` gives it: mmdet's has ``instances``, mmpose's
            ``keypoints_visible``.
    """
    if 'keypoints_visible' in info:
        visible = info['keypoints_visible']
        return visible is not None and bool((visible > 0).any())
    if 'instances' in info:
        return any(not instance.get('ignore_flag') for instance in info['instances'])
    return None


def listed(names: Sequence, most: int = 8) -> str:
    """Names as a message shows them: ``('disc', 'square')``, not more than some."""
    shown = ', '.join(map(repr, names[:most]))
    if len(names) > most:
        return f'({shown} and {len(names) - most} more)'
    return f'({shown},)' if len(names) == 1 else f'({shown})'


def say_empty(dataset: Any, records: Sequence[Mapping[str, Any]]) -> str:
    """Why a data set has nothing to train on or to measure, and what to do.

    Args:
        dataset: One of MMEngine's.
        records: What it reads before it leaves out samples, one per sample.
    """
    kind, source = type(dataset).__name__, _source(dataset)
    if not records:
        return f'{kind} found no sample in {source}{_content(dataset)}. {_looked_for(dataset)}'
    told = [is_annotated(record) for record in records]
    if any(told) or None in told:
        return (
            f'{kind} leaves out all {len(records)} samples of {source}. Correct '
            f'filter_cfg={getattr(dataset, "filter_cfg", None)} or indices.'
        )
    names = dataset.metainfo.get('classes')
    of = f' of the classes {listed(tuple(names))}' if names else ''
    if isinstance(names, str):
        of = f' of the classes {names!r}, a text where a tuple is needed: ({names!r},)'
    return (
        f'0 of {len(records)} images have annotations{of}; {source}{_content(dataset)}. Set '
        f'metainfo.classes of this {kind} to names that the file has, or correct its ann_file.'
    )


def say_unequal(datasets: Sequence[Any], ignored: Sequence[str] = ()) -> str:
    """In what the metainfo of data sets that are to be joined differs from that of the first; empty
    where it does not.

    Args:
        datasets: The parts, in order.
        ignored: Keys that may differ.
    """
    first = datasets[0].metainfo
    for number, part in enumerate(datasets[1:], 1):
        for key in sorted({*first, *part.metainfo} - {*ignored}):
            ours, theirs = (repr(m[key]) if key in m else 'missing' for m in (first, part.metainfo))
            if ours != theirs:
                kind, other = type(datasets[0]).__name__, type(part).__name__
                return (
                    f'the parts of a ConcatDataset must have the same metainfo; {key!r} of '
                    f'datasets.0 ({kind}, {_source(datasets[0])}) is {ours[:200]}, that of '
                    f'datasets.{number} ({other}, {_source(part)}) is {theirs[:200]}. Give both '
                    f'the same metainfo.{key}; where labels do not depend on it, set '
                    f'ignore_keys={[key]} of the ConcatDataset.'
                )
    return ''


def say_unreadable(dataset: Any, error: Exception) -> str:
    """Why the records of a data set could not be read."""
    lacking = ''
    if isinstance(error, KeyError) and error.args:
        lacking = _first_without(_json(dataset), error.args[0])
    return (
        f'{type(dataset).__name__} cannot read its annotations from {_source(dataset)}: '
        f'{lacking or _one_line(error)}. Correct the file, or ann_file and '
        f'data_prefix.'
    )


def say_sample(index: int, paths: Sequence[str], error: Exception) -> str:
    """Why one sample could not be read."""
    files = ''.join(f', {path!r} ({_size(path)})' for path in paths)
    return (
        f'sample {index} of a data set cannot be read{files}: {_one_line(error)}. '
        f'Mend or replace the file, or take the sample out of the annotations.'
    )


def _one_line(error: Exception) -> str:
    return ' '.join(f'{type(error).__name__}: {error}'.split())  # OpenCV's have several


def _size(path: str) -> str:
    try:
        return f'{os.path.getsize(path)} bytes'
    except OSError:
        return 'no such file'


def _source(dataset: Any) -> str:
    """The file or the folders that a data set reads."""
    file = getattr(dataset, 'ann_file', '')
    if file:
        return repr(str(file))
    prefixes = getattr(dataset, 'data_prefix', None) or {}
    folders = [v for v in dict(prefixes).values() if isinstance(v, str) and v]
    return ', '.join(map(repr, folders)) or repr(getattr(dataset, 'data_root', ''))


def _looked_for(dataset: Any) -> str:
    keys = ('ann_file', 'data_prefix', 'img_suffix', 'filter_cfg')
    settings = [f'{k}={getattr(dataset, k)!r}' for k in keys if getattr(dataset, k, None)]
    return f'Correct what it was told to look for: {", ".join(settings)}.'


def _content(dataset: Any) -> str:
    """What the annotation file has, if it is one in COCO's format."""
    content = _json(dataset)
    if not isinstance(content, Mapping) or 'images' not in content:
        return ''
    categories = [str(c.get('name')) for c in content.get('categories', [])]
    counts = [f'{len(content.get(key, []))} {key}' for key in ('images', 'annotations')]
    return f' has {", ".join(counts)} and the classes {listed(categories)}'


def _json(dataset: Any) -> Any:
    try:
        return json.loads(Path(getattr(dataset, 'ann_file', '')).read_text())
    except (OSError, ValueError):
        return None


def _first_without(content: Any, key: Any) -> str:
    """The first entry of a COCO file that lacks a key which others of its kind need."""
    if not isinstance(content, Mapping):
        return ''
    if key in ('images', 'annotations', 'categories') and key not in content:
        return f'the file has no {key!r}, only {listed(sorted(map(str, content)))}'
    needs = {'images': ('id', 'file_name', 'height', 'width'), 'categories': ('id', 'name')}
    for kind in ('annotations', 'images', 'categories'):
        if kind in needs and key not in needs[kind]:
            continue
        for number, entry in enumerate(content.get(kind, [])):
            if isinstance(entry, Mapping) and key not in entry:
                return f'{kind}[{number}] (id {entry.get("id")}) has no {key!r}'
    return ''
