"""Remedy: MMEngine's joined data sets do not say in which metainfo their parts differ."""

import functools
from typing import Any

from mmtransfer.compat.annotations import DataError, say_unequal
from mmtransfer.compat.patching import after_import, go_around


def mend_joined_data() -> None:
    """Let errors say which parts differ, when (or if) data sets are imported."""
    after_import(
        'mmengine.dataset.dataset_wrapper',
        lambda module: go_around(module.ConcatDataset, '__init__', _naming_parts),
    )


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
