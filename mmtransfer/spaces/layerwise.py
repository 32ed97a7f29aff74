"""What spaces share in which each layer of a seed's stages is a choice of its op. No torch here."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mmtransfer.architecture import Architecture
from mmtransfer.seeds.layout import Layout, network_layout
from mmtransfer.seeds.networks import (
    STEM,
    Network,
    Node,
    node_at,
    seed_network,
    spell_out,
    stage_strides,
)
from mmtransfer.seeds.published import SEEDS, SKIP, Seed, find_seed
from mmtransfer.space import SearchSpace, SpaceError
from mmtransfer.spaces.kind import Origins, Parts
from mmtransfer.spaces.stages import origins_at_depth, space_stages


class Layerwise:
    """The answers that follow from the choices of a space alone, for kinds of such spaces.

    A choice is ``'stageS.layerL'``, its options are ops and perhaps a skip. A skipped layer is
    dropped and the later ones of its stage move up. In the supernet the candidates are named by
    their position, ``stages.S.L.k3e6``, and layers that are not searched as in the plain network.
    """

    name: str

    def takes(self, seed: Any) -> bool:
        """Seeds whose blocks name this kind."""
        return isinstance(seed, str) and seed in SEEDS and SEEDS[seed].kind.space == self.name

    def seed(self, space: SearchSpace, output_stride: int = 32) -> Network:
        """The seed of this name."""
        return seed_network(space.seed, output_stride)

    def order(self, space: SearchSpace) -> None:
        """Ops have no order of their own."""
        return None

    def closest(self, space: SearchSpace, exact: bool = False) -> Architecture:
        """The architecture of a space most like its seed; the seed itself if it is there.

        Stages that are too short drop the seed's last layers, stages that must be longer repeat its
        last op, and an op that is not offered becomes the nearest in kernel, then in the other
        number.
        """
        options: dict[str, str] = {}
        seed, least = find_seed(space.seed), space.rule.get('min_layers') or 1
        for stage, choices in zip(seed.stages, space_stages(space), strict=True):
            ops, kept = list(stage.ops), [op for op in stage.ops if op != SKIP]
            if exact and choices and len(choices) < len(ops):
                raise SpaceError(
                    f'{space.seed} has {len(ops)} layers in its stage of {stage.channels} '
                    f'channels; layers = {space.rule["layers"]} allows {len(choices)}. Allow more, '
                    f'or ask for closest_to_seed.'
                )
            if not exact and (len(kept) < least or len(choices) < len(ops)):
                ops = kept + kept[-1:] * (least - len(kept))
            for n, choice in enumerate(choices):
                op = ops[n] if n < len(ops) else SKIP
                offered = exact or op in choice.options
                options[choice.name] = op if offered else _nearest(seed, op, choice.options)
        return space.architecture(options)

    def network(
        self, space: SearchSpace, architecture: Architecture, output_stride: int = 32
    ) -> Network:
        """The layers of an architecture; skipped ones are dropped and the others move up."""
        seed, choices = find_seed(space.seed), space_stages(space)
        ops: list[Sequence[str]] = [
            [architecture[c.name] for c in of_stage] or stage.ops
            for stage, of_stage in zip(seed.stages, choices, strict=True)
        ]
        return spell_out(seed, ops, output_stride, [bool(of_stage) for of_stage in choices])

    def supernet(self, space: SearchSpace, output_stride: int = 32) -> Network:
        """At every position a candidate for each op."""
        seed = find_seed(space.seed)
        strides = stage_strides(seed, output_stride)
        nodes: list[Node] = []
        before = STEM
        for s, choices in enumerate(space_stages(space)):
            kept = [(None, [op]) for op in seed.stages[s].ops if op != SKIP]
            offered = [(c.name, [o for o in c.options if o != SKIP]) for c in choices] or kept
            for n, (choice, ops) in enumerate(offered):
                here = [
                    node_at(seed, strides, s, n, n, seed.op(op), choice, (before,)) for op in ops
                ]
                if choice is not None:
                    here = [replace(node, name=f'{node.name}.{node.op.text}') for node in here]
                nodes += here
                before = here[0].name
        return Network(seed, tuple(nodes))

    def layout(self, space: SearchSpace, in_channels: int = 3) -> Layout:
        """Those of all candidates, and of the logits, ``logits.I`` by the index of their choice."""
        layout = network_layout(self.supernet(space).reading(in_channels))
        return layout | {f'logits.{i}': (len(c.options),) for i, c in enumerate(space.choices)}

    def parts(self, space: SearchSpace, output_stride: int = 32) -> Parts:
        """An option is one candidate, a skip is none: no block changes the widths of a stage and
        the first layer of a stage is never skipped, so what reaches a layer does not depend on what
        was chosen before it."""
        nodes = self.supernet(space, output_stride).nodes
        of = {(node.choice, node.op.text): (node,) for node in nodes}
        return Parts(
            tuple(node for node in nodes if node.choice is None),
            {c.name: {o: of.get((c.name, o), ()) for o in c.options} for c in space.choices},
        )

    def from_seed(self, space: SearchSpace, source: Network, target: Network) -> Origins:
        """By depth, for candidates too (FNA++, Sec. 3.2.1)."""
        return origins_at_depth(source, target)

    def from_supernet(self, space: SearchSpace, target: Network) -> Origins:
        """Dropping skipped layers moves the later ones up; the candidates are found by the choice
        that decided a layer (FNA++, Sec. 3.2.3)."""
        names = {(node.choice, node.op.text): node.name for node in self.supernet(space).nodes}
        return {
            node.name: node.name if node.choice is None else names[node.choice, node.op.text]
            for node in target.nodes
            if node.choice is None or (node.choice, node.op.text) in names
        }


def _nearest(seed: Seed, op: str, options: Sequence[str]) -> str:
    if op == SKIP:  # restricted away: the cheapest is the nearest to nothing
        return min(options, key=lambda option: seed.op(option).numbers)
    kernel, other = seed.op(op).numbers

    def distance(option: str) -> tuple[int, int]:
        k, e = seed.op(option).numbers
        return abs(k - kernel), abs(e - other)

    return min((option for option in options if option != SKIP), key=distance)
