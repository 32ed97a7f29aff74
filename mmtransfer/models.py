"""What is asked of any model: what is inside its wrappers, the config key of a module; and what is
asked of a supernet in it."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import Tensor, nn

from mmtransfer.architecture import Architecture
from mmtransfer.seeds import Seed
from mmtransfer.space import SearchSpace

# The detector that mmdet's semi-supervised models hold twice is named once in their config.
_NAMED_ONCE = {'student': 'detector', 'teacher': 'detector'}


def unwrap(model: Any) -> Any:
    """The model inside of wrappers for distributed training and for test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def config_key(path: str) -> str:
    """The key in the config of a module of the model: ``'model.roi_head.bbox_head.0'``."""
    names = [_NAMED_ONCE.get(name, name) for name in path.split('.') if name]
    return '.'.join(['model', *names])


class Supernet(Protocol):
    """A backbone that can be searched: what searchers, the loop, scoring, remapping and the tools
    ask of it, and all that they ask.

    It is an ``torch.nn.Module`` that maps images (N, C, H, W) to features. The modules of its
    candidates have the names of the nodes that the kind of its space gives for a supernet. What has
    ``architecture_parameters`` is taken to be one. ``mmtransfer.backbones.Selective`` has the
    part that does not depend on how it is built.

    Attributes:
        space: What may be chosen.
    """

    space: SearchSpace

    # ---- what it is ----

    @property
    def seed(self) -> Seed:
        """What the space was built around."""

    @property
    def output_stride(self) -> int:
        """Size of the image over that of the last features."""

    @property
    def in_channels(self) -> int:
        """Channels of the images."""

    @property
    def out_channels(self) -> tuple[int, ...]:
        """Channels of the features that it returns, whatever is selected."""

    # ---- what runs ----

    @property
    def selection(self) -> Architecture | str:
        """The architecture that runs, or ``mmtransfer.backbones.MIXTURE``."""

    def select(self, selection: Architecture | str) -> None:
        """Choose what runs from now on; not between a training forward pass and the end of its
        backward pass."""

    def release(self) -> None:
        """No backward pass will follow; something else may be selected."""

    def evaluating(self, architecture: Architecture) -> AbstractContextManager[None]:
        """Inside, this architecture runs; afterwards what ran before."""

    def idle_modules(self) -> Iterator[nn.Module]:
        """Those whose parameters take no part in a step under the selection, on any rank."""

    # ---- what is learned ----

    def architecture_parameters(self) -> list[nn.Parameter]:
        """The logits, one vector per choice in the order of the space; or none."""

    def probabilities(self) -> Mapping[str, Tensor]:
        """Choice -> probability of each of its options, with gradients."""

    # ---- its modules ----

    def begin(self, x: Tensor) -> Tensor:
        """What precedes the first node: images to features."""

    def get_submodule(self, target: str) -> nn.Module:
        """The module of a node, by its name."""

    def eval(self) -> Any:
        """Put it into evaluation mode."""

    @classmethod
    def with_architecture(cls, config: Any, architecture: Any) -> Any:
        """The config of the plain network of an architecture in place of that of a supernet."""
