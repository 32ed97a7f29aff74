"""One process at a time in a folder; a lock ends with its process, killed or not."""

import gc
import os
import socket
import subprocess
import sys
import time

import pytest

from mmtransfer import lock
from mmtransfer.lock import WorkDirError, lock_folder

HOLD = """
import sys, time
from mmtransfer.lock import lock_folder
held = lock_folder(sys.argv[1])
print('held', flush=True)
time.sleep(60)
"""
TRY = """
import sys
from mmtransfer.lock import WorkDirError, lock_folder
try:
    lock_folder(sys.argv[1])
    print('free')
except WorkDirError as error:
    print(error)
"""


def tried(folder):
    """What another process is told that wants to run there."""
    command = [sys.executable, '-c', TRY, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_another_process_is_refused_and_told_by_whom(tmp_path):
    folder = tmp_path / 'new/work'
    held = lock_folder(folder)
    assert lock_folder(folder) is held  # again in this process
    said = tried(folder)
    assert f'in use by process {os.getpid()} on {socket.gethostname()} since' in said
    assert '--work-dir' in said
    del held
    gc.collect()
    assert tried(folder) == 'free'


def test_the_lock_of_a_killed_process_is_gone(tmp_path):
    command = [sys.executable, '-c', HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'held\n'
        with pytest.raises(WorkDirError, match=f'process {process.pid} on'):
            lock_folder(tmp_path)
        process.kill()
        process.wait()
        assert lock_folder(tmp_path)


def test_a_forked_child_does_not_hold_it(tmp_path):
    """Such as a data loader's worker that outlives its parent."""
    parent = """
import os, sys, time
from mmtransfer.lock import lock_folder
held = lock_folder(sys.argv[1])
if os.fork() == 0:
    os.close(1)
    time.sleep(5)
    os._exit(0)
print('forked', flush=True)
os._exit(0)
"""
    began = time.monotonic()
    command = [sys.executable, '-c', parent, str(tmp_path)]
    subprocess.run(command, stdout=subprocess.PIPE, check=True)
    assert lock_folder(tmp_path) and time.monotonic() - began < 5


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / 'file').touch()
    for folder in (tmp_path / 'file', tmp_path / 'file/work', '/proc/nowhere'):
        with pytest.raises(WorkDirError, match='must be a folder that can be written'):
            lock_folder(folder)


def test_a_file_system_without_locks(tmp_path, monkeypatch, caplog):
    def refuse(*args):
        raise OSError(lock.errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(lock.fcntl, 'lockf', refuse)
    assert lock_folder(tmp_path)
    assert 'cannot be locked (No locks available)' in caplog.text
