"""A search collapses when skips win everywhere: how far one has gone."""

from mmtransfer.architecture import Architecture
from mmtransfer.seeds import SKIP
from mmtransfer.spaces import space_of


def skip_share(architecture: Architecture) -> float:
    """Share of the layers that can be skipped that are; 0 where none can.

    The seeds in their default spaces skip about a third: their stages are shorter than the longest.

    Returns:
        In [0, 1].
    """
    optional = [c.name for c in space_of(architecture).choices if SKIP in c.options]
    return sum(architecture[name] == SKIP for name in optional) / max(1, len(optional))
