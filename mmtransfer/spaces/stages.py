"""What kinds of space share whose networks are stages of blocks after a seed. No torch here."""

from mmtransfer.seeds.networks import Network
from mmtransfer.seeds.published import find_seed
from mmtransfer.space import Choice, SearchSpace


def space_stages(space: SearchSpace) -> tuple[tuple[Choice, ...], ...]:
    """The choices of each stage over all stages of the seed; none where nothing is searched."""
    count = len(find_seed(space.seed).stages)
    return tuple(
        tuple(c for c in space.choices if c.name.startswith(f'stage{s}.')) for s in range(count)
    )


def origins_at_depth(source: Network, target: Network) -> dict[str, str | None]:
    """Node i of a stage comes from node min(i, l - 1) of the source's stage of l nodes (FNA++,
    Eq. 1), i counted as the target does; of a stage that the source does not have nothing comes."""
    origins: dict[str, str | None] = {}
    for node in target.nodes:
        given = source.stages[node.stage]
        origins[node.name] = given[min(node.index, len(given) - 1)].name if given else None
    return origins
