"""What every backbone can be told, in one value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from inspect import Parameter, signature
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The arguments that all backbones share.

    Args:
        out_indices: The stages (from 0, over all stages) whose features are returned, ascending.
            Stages after the last of them exist, but do not run. None: the last one of every size
            from a quarter of the image on.
        frozen_stages: -1 freezes nothing, 0 the stem, n the stem and the first n stages: their
            parameters learn nothing and their norms use running statistics.
        norm_cfg: MMCV config of a batch norm; eps and momentum are the seed's unless it sets them.
        norm_eval: Every norm uses its running statistics in training too.
        with_cp: Recompute activations in the backward pass, one block or candidate at a time;
            running statistics still move once per step.
        init_cfg: As MMEngine's, or ``dict(type='mmtransfer.Remap', checkpoint=...)`` to take the
            weights from a checkpoint of the seed network.
        output_stride: Size of the image over that of the last features, 8, 16 or 32: strides beyond
            it become dilations.
        channels_last: Compute in PyTorch's channels-last layout, features included: the same values
            up to rounding, and where convolutions are narrow or depthwise often faster.
        in_channels: Of the images: 3 for colours, 1 for grey, any number; weights of a seed are
            made to fit (``mmtransfer.remap.rules.fit_colours``).

    Raises:
        ValueError: ``in_channels`` is no number of channels. The backbone, which knows its stages,
            checks the others.
    """

    out_indices: Sequence[int] | None = None
    frozen_stages: int = -1
    norm_cfg: dict[str, Any] | None = None
    norm_eval: bool = False
    with_cp: bool = False
    init_cfg: dict | list[dict] | None = None
    output_stride: int = 32
    channels_last: bool = False
    in_channels: int = 3

    def __post_init__(self) -> None:
        if type(self.in_channels) is not int or self.in_channels < 1:
            raise ValueError(
                f'in_channels must be the number of channels of the images, at least 1; received '
                f'{self.in_channels!r}.'
            )

    @classmethod
    def of(cls, backbone: type, given: Mapping[str, Any]) -> 'Settings':
        """The settings among the keyword arguments that a backbone does not name itself.

        Args:
            backbone: Its class.
            given: What it was given.

        Raises:
            TypeError: It has no such argument; the message lists those it has.
        """
        known = {field.name for field in fields(cls)}
        refuse_unknown(backbone, {k: v for k, v in given.items() if k not in known})
        return cls(**given)


def arguments_of(backbone: type) -> list[str]:
    """The names of all arguments of a backbone: its own, those that it hands to the class it is
    derived from, and the shared ones."""
    names: list[str] = []
    for kind in backbone.__mro__:
        if '__init__' not in vars(kind):
            continue
        _, *own = signature(vars(kind)['__init__']).parameters.values()
        if not any(p.kind == Parameter.VAR_KEYWORD for p in own):
            break
        unnamed = (Parameter.VAR_KEYWORD, Parameter.POSITIONAL_ONLY)
        names += [p.name for p in own if p.kind not in unnamed]
    return list(dict.fromkeys([*names, *(field.name for field in fields(Settings))]))


def refuse_unknown(backbone: type, unknown: Mapping[str, Any]) -> None:
    """Raise TypeError where there are arguments that a backbone does not have, listing those it
    has."""
    if not unknown:
        return
    known = arguments_of(backbone)
    meant = {name: get_close_matches(name, known, 1) for name in unknown}
    hints = [f'{name!r} may mean {found[0]!r}.' for name, found in meant.items() if found]
    if 'pretrained' in unknown:
        hints = [
            "mmseg's bases set model.pretrained, which ends up here: set model.pretrained=None, "
            "and ask for weights by model.backbone.init_cfg=dict(type='mmtransfer.Remap', "
            'checkpoint=...).'
        ]
    received = ', '.join(f'{name}={value!r}' for name, value in unknown.items())
    raise TypeError(
        f'{backbone.__name__} takes the arguments {", ".join(known)}; received also {received}. '
        f'{" ".join(hints) or "Correct or remove it in model.backbone."}'
    )
