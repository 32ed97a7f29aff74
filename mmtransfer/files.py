"""Writing files that a kill at any moment cannot spoil."""

import os
from pathlib import Path


def write_atomically(data: str | bytes, path: str | os.PathLike) -> None:
    """Write a file whole or not at all: a temporary file beside it, synced, then renamed.

    Args:
        data: The content; text becomes UTF-8.
        path: Folders that are missing are made. One process at a time may write it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # One name for all times, so that the next write takes away what a killed one has left.
    temporary = path.with_name(f'.{path.name}.tmp')
    try:
        with open(temporary, 'wb') as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name itself
    finally:
        os.close(folder)
