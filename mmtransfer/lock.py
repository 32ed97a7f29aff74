"""One run at a time in a work directory.

The lock is the operating system's, on the file ``.lock``: it ends with the process that holds it,
however that ends, and never stays behind. What the file says serves the message only.
"""

import datetime
import errno
import logging
import os
import socket
from pathlib import Path
from weakref import WeakValueDictionary

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

NAME = '.lock'
_BUSY = (errno.EACCES, errno.EAGAIN)


class WorkDirError(RuntimeError):
    """A work directory that another run uses, or that cannot be written."""


class FolderLock:
    """The lock of a folder, until it is no longer referred to; see ``lock_folder``."""

    def __init__(self, file: int) -> None:
        self._file = file

    def __del__(self, close=os.close) -> None:  # bound here: modules may be gone at the end
        close(self._file)


# Closing any file that is open on a lock's path would end a POSIX lock of this process, so there is
# one per folder.
_held: WeakValueDictionary[Path, FolderLock] = WeakValueDictionary()


def lock_folder(folder: str | os.PathLike) -> FolderLock:
    """Keep other processes from running in a folder for as long as the result is referred to.

    Within a process it can be taken again and again. Children do not inherit it.

    Args:
        folder: Is made if it is missing.

    Raises:
        WorkDirError: Another process holds it (the message says which), or the folder cannot be
            written.
    """
    path = Path(folder).resolve()
    lock = _held.get(path)
    if lock is not None:
        return lock
    try:
        path.mkdir(parents=True, exist_ok=True)
        file = os.open(path / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise WorkDirError(
            f"the work directory '{folder}' must be a folder that can be written: {error.strerror} "
            f"('{error.filename}'). Name another (work_dir, or --work-dir)."
        ) from error
    lock = FolderLock(file)
    try:
        if fcntl is None:
            raise OSError(errno.ENOSYS, 'no fcntl')
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            owner = os.read(file, 200).decode(errors='replace').strip() or 'another process'
            raise WorkDirError(
                f"one run at a time may use a work directory; '{folder}' is in use by {owner}. "
                f'Wait for it or stop it, or name another directory (work_dir, or --work-dir).'
            ) from None
        logging.getLogger('mmtransfer').warning(
            "'%s' lies where files cannot be locked (%s): make sure that no other run uses it",
            *(folder, error.strerror),
        )
    now = datetime.datetime.now().isoformat(' ', 'seconds')
    os.ftruncate(file, 0)
    os.write(file, f'process {os.getpid()} on {socket.gethostname()} since {now}\n'.encode())
    _held[path] = lock
    return lock
