"""What is asked of a kind of space. No torch here.

A kind of space is one record: whoever builds, counts, remaps or searches asks it, and nobody
compares the name of a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mmtransfer.architecture import Architecture
from mmtransfer.seeds.layout import Layout
from mmtransfer.seeds.networks import Network, Node
from mmtransfer.space import SearchSpace

if TYPE_CHECKING:
    from torch import Tensor

# Name of a target's node -> the source's node that its weights come from; None: it keeps its own.
Origins = Mapping[str, str | None]


@dataclass(frozen=True)
class Parts:
    """What the networks of a space are made of, where the costs of choices add up.

    Args:
        fixed: The nodes of the supernet that no choice decides.
        options: Choice -> option -> the nodes of the supernet that run where it is chosen, in the
            order of the space; none for an option such as a skip.
    """

    fixed: tuple[Node, ...]
    options: Mapping[str, Mapping[str, tuple[Node, ...]]]


class SpaceKind(Protocol):
    """A kind of space: all that its spaces have in common.

    Attributes:
        name: As in ``mmtransfer.space.SearchSpace.name`` and in architecture files.
    """

    name: str

    @property
    def build(self) -> Callable[..., SearchSpace]:
        """The function from a seed to the space around it; its further arguments are the space's
        rule. It raises SpaceError where they make no space."""

    def takes(self, seed: Any) -> bool:
        """Whether there is a space of this kind around this seed."""

    def own_rule(self, seed: Any) -> dict[str, Any]:
        """The arguments of ``build``, beyond its defaults, that let a space hold its seed."""

    def seed(self, space: SearchSpace, output_stride: int = 32) -> Network:
        """The plain network that the space was built around, whether it is in the space or not."""

    def closest(self, space: SearchSpace, exact: bool = False) -> Architecture:
        """The architecture most like the seed; the seed itself if it is in the space.

        Args:
            space: Whose architecture it is.
            exact: Nothing but the seed itself will do.

        Raises:
            SpaceError: It shall be the seed itself, which is not in the space.
        """

    def order(self, space: SearchSpace) -> dict[str, tuple[str, ...]] | None:
        """Choice -> its options from the smallest to the largest; None: they have no order."""

    def network(
        self, space: SearchSpace, architecture: Architecture, output_stride: int = 32
    ) -> Network:
        """The plain network of an architecture of the space; what is dead is not in it.

        Args:
            space: Whose architecture it is.
            architecture: One that ``SearchSpace.check`` lets pass.
            output_stride: Size of the image over that of the last features: 8, 16 or 32.
        """

    def supernet(self, space: SearchSpace, output_stride: int = 32) -> Network:
        """All candidates of the space, in an order in which every node follows its inputs.

        A node has the name of its module in the supernet. Its input, where several candidates can
        be it, is any one of them: all have the same shape.
        """

    def layout(self, space: SearchSpace, in_channels: int = 3) -> Layout:
        """Names and shapes of the supernet's tensors, logits that it always has included."""

    def parts(self, space: SearchSpace, output_stride: int = 32) -> Parts | None:
        """What each option adds to the cost of a network; None where that depends on other choices:
        then the record is one of ``JointCosts`` too."""

    def from_seed(self, space: SearchSpace, source: Network, target: Network) -> Origins:
        """Where the nodes of a network of the space, or of its supernet, come from.

        Args:
            space: The space.
            source: A plain network, as a rule the seed's.
            target: As ``network`` or ``supernet`` gives it.
        """

    def from_supernet(self, space: SearchSpace, target: Network) -> Origins:
        """Where the nodes of a plain network lie in the supernet; those that lie nowhere in it are
        left out."""


class JointCosts(Protocol):
    """What a record answers beside, where the cost of an option depends on other choices.

    ``cost_of`` gives the cost of a node of the supernet by its name. Neither sum has the stem.
    """

    def expected(
        self,
        space: SearchSpace,
        probabilities: Mapping[str, Tensor],
        cost_of: Callable[[str], float],
    ) -> Tensor:
        """Expected cost of a network whose options are drawn with these probabilities: a scalar,
        differentiable."""

    def bounds(self, space: SearchSpace, cost_of: Callable[[str], float]) -> tuple[float, float]:
        """Costs of the cheapest and of the most expensive network of the space."""
