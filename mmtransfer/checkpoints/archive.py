"""Whether the file of a checkpoint is whole, and which one before it still is."""

import re
import zipfile
from pathlib import Path
from typing import BinaryIO


def is_archive(beginning: bytes) -> bool:
    """Whether a file that begins so is an archive, as torch writes it since 1.6."""
    return beginning.startswith(b'PK\x03\x04')


def damage(file: BinaryIO) -> str | None:
    """What is wrong with an archive by its own sums; None when every byte is as it was written.

    torch writes these sums and does not look at them: a flipped bit would be another weight. About
    0.1 s for 100 MB.

    Args:
        file: Of the archive; its position is changed.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            if not any(part.CRC for part in archive.infolist()):
                return None  # written by torch.serialization.set_crc32_options(False): no sums
            broken = archive.testzip()
    except Exception as error:  # zipfile raises errors of half a dozen types for damaged archives
        return ' '.join(str(error).split()) or type(error).__name__
    return broken and f"the sum of its part '{broken}' differs"


def members(file: BinaryIO) -> list[str]:
    """The names of the parts of an intact archive, without its own name before them."""
    with zipfile.ZipFile(file) as archive:
        return [name.partition('/')[2] for name in archive.namelist()]


def pickled(file: BinaryIO) -> bytes:
    """The pickle in an intact archive: names and shapes, not the tensors' values."""
    with zipfile.ZipFile(file) as archive:
        (part,) = (p for p in archive.infolist() if p.filename.partition('/')[2] == 'data.pkl')
        part.CRC = None  # type: ignore[assignment]  # looked at before, where there are sums
        return archive.open(part).read()


def intact_before(path: Path) -> Path | None:
    """The newest intact checkpoint of the same run with a smaller number, ``epoch_3.pth``.

    Args:
        path: Of a checkpoint, ``epoch_4.pth``.
    """
    number = re.compile(r'(.*\D|)(\d+)(\D*)')
    own = number.fullmatch(path.name)
    if own is None:
        return None
    before = {}
    for other in path.parent.iterdir():
        found = number.fullmatch(other.name)
        if found and found.group(1, 3) == own.group(1, 3) and int(found[2]) < int(own[2]):
            before[int(found[2])] = other
    return next((before[n] for n in sorted(before, reverse=True) if _is_whole(before[n])), None)


def _is_whole(path: Path) -> bool:
    with open(path, 'rb') as file:
        return is_archive(file.read(4)) and damage(file) is None
