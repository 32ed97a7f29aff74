"""Remedy: MMEngine knows the configs of OpenMMLab's own packages alone."""

from collections.abc import Callable

from mmtransfer.compat.patching import go_around
from mmtransfer.files import own_config


def find_own_configs() -> None:
    """Let ``_base_ = 'mmtransfer::fna/retinanet_mbv2_search.py'`` name a config of ours.

    It is looked for in the package that was imported, wherever that lies, and gets no scope of its
    own: our configs are written for the scope of the toolbox that they inherit from.
    """
    from mmengine.config import Config

    def around(find: Callable[[str, str], tuple[str, str | None]]) -> Callable:
        def find_or_own(path: str, filename: str) -> tuple[str, str | None]:
            own = own_config(path)
            return find(path, filename) if own is None else (str(own), None)

        return find_or_own

    go_around(Config, '_get_cfg_path', around)
