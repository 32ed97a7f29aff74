"""Remedy: mmdet's SSDHead cannot predict."""

import types

from mmtransfer.compat.patching import after_import


def give_ssd_head_its_loss() -> None:
    """mmdet's SSDHead has no ``loss_cls``, which inference asks for (mmdetection #11063, #11780).

    mmdet is never imported for it: the head is mended when (or if) it is imported."""

    def mend(module: types.ModuleType) -> None:
        if not hasattr(module.SSDHead, 'loss_cls'):
            module.SSDHead.loss_cls = None

    after_import('mmdet.models.dense_heads.ssd_head', mend)
