"""Remedies for faults of MMEngine's data sets and loaders: errors that do not say of which file or
sample, and options of workers where there are none."""

import functools
import json
from typing import Any

from mmtransfer.annotations import (
    DataError,
    EmptyDataError,
    SampleError,
    say_empty,
    say_sample,
    say_unequal,
    say_unreadable,
)

# Raised by a line that reads an annotation which is not as it expects.
_MISREAD = (LookupError, TypeError, AttributeError, json.JSONDecodeError, UnicodeDecodeError)


def mend_data_sets(module: Any) -> None:
    """Let errors say of which file or sample they are.

    Args:
        module: ``mmengine.dataset.base_dataset``.
    """
    _exchange(module.BaseDataset, '__init__', _reading)
    _exchange(module.BaseDataset, '_serialize_data', _refusing_nothing)
    _exchange(module.Compose, '__call__', _saying_which)


def mend_joined_data(module: Any) -> None:
    """Let errors say which parts differ.

    Args:
        module: ``mmengine.dataset.dataset_wrapper``.
    """
    _exchange(module.ConcatDataset, '__init__', _naming_parts)


def mend_loaders(module: Any) -> None:
    """Let loaders do without workers.

    Args:
        module: ``mmengine.runner.runner``.
    """
    _exchange(module.Runner, 'build_dataloader', _without_workers)


def _exchange(owner: type, name: str, around: Any) -> None:
    """Put a function around a method, once."""
    found = vars(owner)[name]
    method = found.__func__ if isinstance(found, staticmethod) else found
    if not hasattr(method, 'mended'):
        mended = around(method)
        mended.mended = True
        setattr(owner, name, staticmethod(mended) if isinstance(found, staticmethod) else mended)


def _reading(init: Any) -> Any:
    """An annotation without a key that the toolbox reads ends in a bare KeyError."""

    @functools.wraps(init)
    def mended(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            init(self, *args, **kwargs)
        except _MISREAD as error:
            if not hasattr(self, 'pipeline'):  # set last before annotations are read
                raise
            raise DataError(say_unreadable(self, error)) from error

    return mended


def _naming_parts(init: Any) -> Any:
    """Parts with unequal metainfo end in an error that counts them and does not say how to mend
    it."""

    @functools.wraps(init)
    def mended(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            init(self, *args, **kwargs)
        except (ValueError, TypeError) as error:
            compared = '_metainfo' in vars(self)  # set right before it is
            unequal = say_unequal(self.datasets, self.ignore_keys) if compared else ''
            if not unequal:
                raise
            raise DataError(unequal) from error

    return mended


def _refusing_nothing(serialize: Any) -> Any:
    """A data set without a sample ends in NumPy's "need at least one array to concatenate"."""

    @functools.wraps(serialize)
    def mended(self: Any) -> Any:
        if not self.data_list:
            raise EmptyDataError(say_empty(self, self.load_data_list()))
        return serialize(self)

    return mended


def _saying_which(call: Any) -> Any:
    """A transform that fails says neither the sample nor its files."""

    @functools.wraps(call)
    def mended(self: Any, data: Any) -> Any:
        index = data.get('sample_idx') if isinstance(data, dict) else None
        if index is None:
            return call(self, data)
        paths = [v for k, v in data.items() if k.endswith('path') and isinstance(v, str)]
        try:
            return call(self, data)
        except SampleError:
            raise
        except Exception as error:
            raise SampleError(say_sample(index, paths, error)) from error

    return mended


def _without_workers(build: Any) -> Any:
    """torch refuses persistent workers where there are none, and so any config of a toolbox once
    ``num_workers=0`` is set in it."""

    @functools.wraps(build)
    def mended(dataloader: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(dataloader, dict) and not dataloader.get('num_workers'):
            idle = ('persistent_workers', 'prefetch_factor', 'timeout', 'multiprocessing_context')
            dataloader = {k: v for k, v in dataloader.items() if k not in idle}
        return build(dataloader, *args, **kwargs)

    return mended
