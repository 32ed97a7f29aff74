"""Where our configs lie; files that a kill at any moment cannot spoil; turns at a folder."""

import errno
import glob
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

CONFIGS = Path(__file__).parent / '.mim/configs'

# What file systems answer that cannot sync a folder; they write names at once, or not at our word.
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM)


def own_config(name: str) -> Path | None:
    """The file that ``mmtransfer::fna/retinanet_mbv2_search.py`` names; None for other names."""
    package, colons, path = name.partition('::')
    return CONFIGS / path if colons and package == 'mmtransfer' else None


def write_atomically(data: str | bytes, path: str | os.PathLike) -> None:
    """Write a file whole or not at all: a temporary file beside it, synced, then renamed.

    Any number of processes may write it at once: the last one wins. What a killed one has left is
    removed by the next write of the same file.

    Args:
        data: The content; text becomes UTF-8.
        path: Folders that are missing are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_litter(path)
    temporary, descriptor = _create_temporary(path)
    try:
        with open(descriptor, 'wb') as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, path)  # before the file is closed, which ends the lock on it
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


@contextmanager
def exclusive_use(folder: str | os.PathLike) -> Iterator[None]:
    """Wait until no other process is inside this for the same folder; a kill ends its turn.

    On a file system that knows no locks nobody waits.

    Args:
        folder: Must exist. Nothing is written to it.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _create_temporary(path: Path) -> tuple[Path, int]:
    """A new file beside a path, open for writing and locked for as long as it is open."""
    while True:
        name = f'.{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp'
        temporary = path.with_name(name)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        if fcntl is not None:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        if temporary.exists():
            return temporary, descriptor
        os.close(descriptor)  # another writer took it for litter before it was locked


def _remove_litter(path: Path) -> None:
    """Remove the temporary files that no process holds a lock on: their writers are dead."""
    if fcntl is None:
        return
    for left in path.parent.glob(f'.{glob.escape(path.name)}.*tmp'):
        with suppress(OSError):  # it is gone, another's, locked, or nothing can be locked here
            descriptor = os.open(left, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
            finally:
                os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make new names in a folder last, where the file system lets a folder be synced."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
