"""Remedy: errors of MMEngine's data sets do not say of which file or sample they are."""

import functools
import json
from typing import Any

from mmtransfer.compat.annotations import (
    DataError,
    EmptyDataError,
    SampleError,
    say_empty,
    say_sample,
    say_unreadable,
)
from mmtransfer.compat.patching import after_import, go_around

# Raised by a line that reads an annotation which is not as it expects.
_MISREAD = (LookupError, TypeError, AttributeError, json.JSONDecodeError, UnicodeDecodeError)


def mend_data_sets() -> None:
    """Let errors say of which file or sample they are, when (or if) data sets are imported."""

    def mend(module: Any) -> None:
        go_around(module.BaseDataset, '__init__', _reading)
        go_around(module.BaseDataset, '_serialize_data', _refusing_nothing)
        go_around(module.Compose, '__call__', _saying_which)

    after_import('mmengine.dataset.base_dataset', mend)


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
