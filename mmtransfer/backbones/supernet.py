"""What supernets have in common: a selection, and when it may change."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mmtransfer.architecture import Architecture
from mmtransfer.backbones.adapted import AdaptedBackbone
from mmtransfer.backbones.base import StagedBackbone
from mmtransfer.backbones.selection import MIXTURE, PendingBackward, Selection, SelectionError
from mmtransfer.backbones.settings import Settings, arguments_of
from mmtransfer.models import Supernet
from mmtransfer.space import SearchSpace
from mmtransfer.spaces import record_of


class Selective(nn.Module):
    """A network of which a ``selection`` runs: one architecture of ``space``, or the mixture.

    From a forward pass in training mode with gradients until the end of its backward pass the
    selection is fixed; ``release`` ends that early. A subclass sets ``space`` and calls
    ``begin_selecting`` once it is built, and calls ``self._pending.watch(features)`` in every
    such forward pass. With ``add_logits`` the mixture can be selected too.
    """

    space: SearchSpace
    temperature = 1.0  # of the softmax over the logits

    def add_logits(self) -> None:
        """Architecture parameters: a vector of logits per choice, all but equal at first."""
        self.logits = nn.ParameterList(
            1e-3 * torch.randn(len(c.options)) for c in self.space.choices
        )

    def begin_selecting(self, first: Architecture) -> None:
        """Start with an architecture, which nobody has chosen yet."""
        self._pending = PendingBackward()
        self._chosen = False
        self._select(first)

    def check_chosen(self, x: Tensor) -> None:
        """Raise SelectionError where images are evaluated and nobody has said what is to run.

        Shapes alone, on the meta device, follow from any selection.
        """
        if not (self._chosen or self.training or x.is_meta):
            raise SelectionError(
                'a supernet in evaluation must run an architecture that somebody selected; nobody '
                'has, and what it begins with is the seed. A test takes it from the checkpoint of '
                "the search, by default_hooks.checkpoint=dict(type='mmtransfer.CheckpointHook'); "
                'of a supernet trained without a search, from a mmtransfer.SamplePathHook in '
                'custom_hooks. By hand: supernet.select(architecture).'
            )

    @property
    def selection(self) -> Selection:
        """The architecture that runs, or ``MIXTURE``; at first the seed or its nearest."""
        return self._selection

    def select(self, selection: Selection) -> None:
        """Choose what runs from now on.

        Args:
            selection: An architecture of ``space``, or ``MIXTURE`` where the supernet mixes.

        Raises:
            SpaceError: The architecture is not of this space.
            SelectionError: It is neither, or gradients of another selection are outstanding.
        """
        if isinstance(selection, Architecture):
            self.space.check(selection)
        elif selection != MIXTURE or not self.architecture_parameters():
            mixture = f' or {MIXTURE!r}' if self.architecture_parameters() else ''
            raise SelectionError(
                f'a selection must be an Architecture of the space{mixture}; received '
                f'{selection!r}. Make one with supernet.space.architecture(options).'
            )
        if self._pending and selection != self._selection:
            raise SelectionError(
                'the selection must stay as it is from a training forward pass to the end of its '
                f'backward pass; received another one while {len(self._pending)} backward pass(es) '
                'are outstanding. Run backward first, or call release() if there will be none.'
            )
        self._select(selection)
        self._chosen = True

    def _select(self, selection: Selection) -> None:
        self._selection = selection
        self._options = selection.as_dict if isinstance(selection, Architecture) else {}

    @contextmanager
    def evaluating(self, architecture: Architecture) -> Iterator[None]:
        """Inside, ``architecture`` runs; afterwards the selection is what it was."""
        previous, chosen = self._selection, self._chosen
        self.select(architecture)
        try:
            yield
        finally:
            self.select(previous)
            self._chosen = chosen

    def release(self) -> None:
        """Free the selection where no backward pass will follow."""
        self._pending.clear()

    def idle_modules(self) -> Iterator[nn.Module]:
        """Those whose parameters take no part in a step under the selection, on any rank."""
        if self._selection != MIXTURE and hasattr(self, 'logits'):
            yield self.logits
        yield from self.idle_blocks()

    def idle_blocks(self) -> Iterator[nn.Module]:
        """The candidates that do not run under the selection."""
        raise NotImplementedError

    def architecture_parameters(self) -> list[nn.Parameter]:
        """The logits, one vector per choice, in the order of the space; none in a supernet whose
        paths are only scored."""
        return list(getattr(self, 'logits', ()))

    def probabilities(self) -> dict[str, Tensor]:
        """Choice -> probability of each of its options; they sum to 1 and carry gradients."""
        return {
            choice.name: torch.softmax(logits / self.temperature, 0)
            for choice, logits in zip(
                self.space.choices, self.architecture_parameters(), strict=True
            )
        }


class StagedSupernet(Selective, StagedBackbone):
    """A backbone of stages of which a selection runs; at first that nearest to the seed.

    Args:
        space: What may be chosen. Its kind names the nodes to build.
        settings: What all backbones can be told.
        expand_indices: See ``StagedBackbone``.
        logits: Whether the mixture of all candidates can be selected.
    """

    def __init__(
        self,
        space: SearchSpace,
        settings: Settings,
        expand_indices: Sequence[int] = (),
        logits: bool = True,
    ) -> None:
        kind = record_of(space)
        super().__init__(kind.supernet(space, settings.output_stride), settings, expand_indices)
        self.space = space
        self.add_stages()
        if logits:
            self.add_logits()
        self.begin_selecting(kind.closest(space))
        self.freeze()

    def idle_modules(self) -> Iterator[nn.Module]:
        """Also the stages whose features nobody asks for."""
        yield from super().idle_modules()
        yield from self.stages[self.out_indices[-1] + 1 :]

    @classmethod
    def with_architecture(cls, config: Any, architecture: Any) -> Any:
        """The config of the plain network of an architecture in place of such a supernet."""
        taken = {'_scope_', *arguments_of(AdaptedBackbone)} - {'init_cfg'}
        kept = {key: value for key, value in config.items() if key in taken}
        plain = config.__class__(kept, type='mmtransfer.AdaptedBackbone')
        return AdaptedBackbone.with_architecture(plain, architecture)


def supernets_in(model: nn.Module) -> list[Supernet]:
    """The modules of a model that can be searched, which are those with architecture parameters."""
    found: list[Any] = [m for m in model.modules() if hasattr(m, 'architecture_parameters')]
    return found
