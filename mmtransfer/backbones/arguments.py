"""What two of the shared arguments stand for: a remap as ``init_cfg``, and a ``norm_cfg``."""

from typing import Any

from mmcv.cnn.bricks.norm import infer_abbr
from mmengine.registry import MODELS

from mmtransfer.registry import WEIGHT_INITIALIZERS, is_a, named_type
from mmtransfer.seeds import Seed


@WEIGHT_INITIALIZERS.register_module()
class Remap:
    """What ``init_cfg=dict(type='mmtransfer.Remap', ...)`` names. Our networks act on it themselves
    (``take_remap``), after MMEngine has initialised them; so MMEngine never builds it there.

    Raises:
        ValueError: Another network was given it.
    """

    def __init__(self, **kwargs: Any) -> None:
        raise ValueError(
            "init_cfg=dict(type='mmtransfer.Remap') must belong to a network of ours, such as "
            'mmtransfer.AdaptedBackbone. Give it to one, or load other weights as MMEngine does: '
            "init_cfg=dict(type='Pretrained', checkpoint=...)."
        )


def take_remap(
    init_cfg: dict | list[dict] | None,
) -> tuple[dict | list[dict] | None, dict[str, Any] | None]:
    """What MMEngine is to see of an ``init_cfg``, and the arguments of our remap.

    Raises:
        ValueError: There are several remaps, or one without a checkpoint.
    """
    configs = [init_cfg] if isinstance(init_cfg, dict) else list(init_cfg or [])
    remaps = [c for c in configs if _is_remap(c)]
    if not remaps:
        return init_cfg, None
    arguments = {key: value for key, value in remaps[0].items() if key != 'type'}
    if len(remaps) > 1 or 'checkpoint' not in arguments:
        raise ValueError(
            "init_cfg may hold one dict(type='mmtransfer.Remap', checkpoint=PATH) with the path of "
            f"the seed's checkpoint; received {remaps}."
        )
    return [c for c in configs if not _is_remap(c)] or None, arguments


def _is_remap(config: dict) -> bool:
    return is_a(config, Remap, WEIGHT_INITIALIZERS, 'mmtransfer')


def norm_settings(seed: Seed, norm_cfg: dict[str, Any] | None) -> dict[str, Any]:
    """A ``norm_cfg`` with the seed's eps and momentum where it sets none.

    Raises:
        ValueError: It is no batch norm.
    """
    given = dict(norm_cfg or dict(type='BN'))
    kind = named_type(given, MODELS)
    if not isinstance(kind, type) or infer_abbr(kind) != 'bn':
        raise ValueError(
            "norm_cfg must be a batch norm such as dict(type='BN') or dict(type='SyncBN'), because "
            f"the seed's weights come with running statistics; received {norm_cfg}."
        )
    return dict(eps=seed.norm_eps, momentum=seed.norm_momentum) | given
