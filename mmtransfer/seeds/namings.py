"""Telling which naming a checkpoint follows, and where in it a backbone lies."""

from collections.abc import Iterable, Mapping

from mmtransfer.checkpoints.errors import CheckpointError
from mmtransfer.seeds.layout import Shape, classifier_layout, image_weight, network_layout
from mmtransfer.seeds.names import NAMINGS, Names, namings_of
from mmtransfer.seeds.networks import Network

__all__ = [
    'NAMINGS',
    'Names',
    'SeedCheckpointError',
    'choose_prefix',
    'namings_of',
    'prefix_of',
    'recognise',
]


class SeedCheckpointError(CheckpointError):
    """A checkpoint that does not hold the weights of the seed."""


def recognise(
    tensors: Mapping[str, Shape],
    network: Network,
    source: str = 'the checkpoint',
    prefer: str = '',
    any_images: bool = False,
) -> tuple[str, Names]:
    """Find the naming that a checkpoint follows.

    Args:
        tensors: Tensor name -> shape, of the checkpoint.
        network: The seed that the weights should be of.
        source: What to call the checkpoint in errors, usually its path.
        prefer: What precedes the backbone's names where the checkpoint holds it several times.
        any_images: The first convolution may read images of another number of channels.

    Returns:
        The naming's name, and our tensor name -> the checkpoint's. It has every backbone tensor but
        for counters that the checkpoint lacks, and the classifier's where they are there in the
        seed's own shapes.

    Raises:
        SeedCheckpointError: The names follow no naming known here (the first names and the namings
            are listed), or they do but belong to another network; or they are there several times
            (student and teacher) and none is where ``prefer`` says.
    """
    shapes, known = network_layout(network), namings_of(network.seed)
    images = image_weight(network.seed)
    candidates = []
    for name, naming in known.items():
        names = naming(network)
        for prefix in _prefixes(tensors, names[images]) or ['']:
            found = {ours: prefix + theirs for ours, theirs in names.items()}
            candidates.append((name, prefix, found))

    def likeness(candidate: tuple[str, str, Names]) -> int:
        return sum(candidate[2][ours] in tensors for ours in shapes)

    def with_classifier(candidate: tuple[str, str, Names]) -> tuple[int, bool, int]:
        name, prefix, _ = candidate  # ResNets differ in the classifier's name alone
        found = _classifier(tensors, network, known[name](network), prefix)
        return likeness(candidate), prefix == prefer, len(found)

    name, prefix, names = max(candidates, key=with_classifier)
    alike = likeness((name, prefix, names))
    if 2 * alike <= len(shapes):
        first = ', '.join(repr(key) for key in list(tensors)[:5]) or 'none'
        raise SeedCheckpointError(
            f'{source} must name its tensors in one of the ways known here: {", ".join(known)} '
            f"(with or without 'backbone.' or the like in front); received {len(tensors)} tensors, "
            f'the first: {first}. {alike} of the {len(shapes)} that the backbone of '
            f'{network.seed.name} needs are there. Give a checkpoint of {network.seed.name} in one '
            f'of these namings, or rename the tensors.'
        )
    same = {p for n, p, found in candidates if n == name and likeness((n, p, found)) == alike}
    if len(same) > 1 and prefer not in same:
        raise SeedCheckpointError(_several(source, same))
    shapes = _with_images(shapes, images, tensors.get(names[images])) if any_images else shapes
    difference = _difference(tensors, shapes, names) or _excess(tensors, shapes, names, prefix)
    if difference:
        raise SeedCheckpointError(
            f'{source} is named as {name} does, but it is a checkpoint of another network than '
            f'{network.seed.name}: {difference}. Give a checkpoint of {network.seed.name}, or name '
            f'the seed that the file belongs to.'
        )
    found = {ours: names[ours] for ours in shapes if names[ours] in tensors}
    return name, found | _classifier(tensors, network, known[name](network), prefix)


def _prefixes(tensors: Iterable[str], name: str) -> list[str]:
    """What precedes a tensor's name wherever it occurs: ``''``, ``'backbone.'`` and the like."""
    ends = (tensor.removesuffix(name) for tensor in tensors if tensor.endswith(name))
    return [prefix for prefix in ends if not prefix or prefix.endswith('.')]


def choose_prefix(tensors: Iterable[str], name: str, prefer: str) -> str:
    """What precedes the names of a network of ours in a checkpoint.

    Args:
        tensors: Names in the checkpoint.
        name: A tensor that every such network has, in our names.
        prefer: What precedes the names in the model. It is taken if it occurs, else its last part
            (``'backbone.'`` of ``'student.backbone.'``), else the only one that occurs.

    Raises:
        SeedCheckpointError: Several occur, and none of them is preferred.
    """
    found = _prefixes(tensors, name)
    last = prefer.removesuffix('.').rpartition('.')[2]
    for wanted in (prefer, last and f'{last}.'):
        if wanted in found or not found:
            return wanted
    if len(found) > 1:
        raise SeedCheckpointError(_several('the checkpoint', found))
    return found[0]


def prefix_of(names: Names, naming: str, network: Network) -> str:
    """What precedes the names that ``recognise`` found, beside the naming's own."""
    images = image_weight(network.seed)
    return names[images].removesuffix(namings_of(network.seed)[naming](network)[images])


def _several(source: str, prefixes: Iterable[str]) -> str:
    return (
        f'{source} must hold the backbone once, or name the one to take; it is there under '
        f'{", ".join(map(repr, sorted(prefixes)))}. Save one of them alone, or name it by prefix.'
    )


def _with_images(shapes: Mapping[str, Shape], images: str, found: Shape | None) -> dict[str, Shape]:
    """The shapes with as many channels of images as a checkpoint has."""
    wanted = shapes[images]
    fits = found is not None and len(found) == len(wanted)
    return {**shapes, images: (wanted[0], found[1], *wanted[2:]) if fits and found else wanted}


def _classifier(tensors: Mapping[str, Shape], network: Network, names: Names, prefix: str) -> Names:
    """The classifier's tensors that are there; some files have them outside of the backbone."""
    found: Names = {}
    for ours, shape in classifier_layout(network.seed).items():
        for theirs in (names[ours], prefix + names[ours]) if ours in names else ():
            if theirs in tensors and tuple(tensors[theirs]) == shape:
                found[ours] = theirs
    return found


def _difference(
    tensors: Mapping[str, Shape], shapes: Mapping[str, Shape], names: Names
) -> str | None:
    """The first backbone tensor that is absent or of another shape."""
    for ours, shape in shapes.items():
        theirs = names[ours]
        if theirs not in tensors:
            if not ours.endswith('num_batches_tracked'):
                return f'{theirs!r} must be there with shape {shape}; it is missing'
        elif tuple(tensors[theirs]) != shape:
            return f'{theirs!r} must have shape {shape}; received {tuple(tensors[theirs])}'
    return None


def _excess(
    tensors: Mapping[str, Shape], shapes: Mapping[str, Shape], names: Names, prefix: str
) -> str | None:
    """A tensor inside the checkpoint's stages that the network has no place for."""

    def part(name: str) -> str:
        return name.removeprefix(prefix).split('.')[0]

    parts = {part(names[ours]) for ours in shapes}
    known = set(names.values())
    for name in tensors:
        if name.startswith(prefix) and part(name) in parts and name not in known:
            return f'it has no tensor {name!r}'
    return None
