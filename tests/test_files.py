import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time

import pytest

from mmtransfer.files import exclusive_use, write_atomically


def test_text_and_bytes_into_a_new_folder(tmp_path):
    path = tmp_path / 'new/folder/a'
    write_atomically('ä\n', path)
    assert path.read_bytes() == b'\xc3\xa4\n'
    write_atomically(b'\x00', path)
    assert path.read_bytes() == b'\x00'
    assert os.listdir(path.parent) == ['a']


def test_permissions_are_those_of_any_new_file(tmp_path):
    write_atomically('a', tmp_path / 'a')
    (tmp_path / 'b').write_text('b')
    one, two = (stat.S_IMODE((tmp_path / name).stat().st_mode) for name in 'ab')
    assert one == two


@pytest.mark.parametrize('call', ['fsync', 'replace'])
def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / 'a'
    write_atomically('old', path)

    def fail(*args):
        raise OSError('disk full')

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match='disk full'):
        write_atomically('new', path)
    assert path.read_text() == 'old' and os.listdir(tmp_path) == ['a']


@pytest.mark.parametrize('number', [errno.EINVAL, errno.ENOTSUP, errno.EBADF])
def test_a_file_system_that_cannot_sync_folders(tmp_path, monkeypatch, number):
    sync = os.fsync

    def refuse(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr(os, 'fsync', refuse)
    write_atomically('whole', tmp_path / 'a')
    assert (tmp_path / 'a').read_text() == 'whole'


def test_a_folder_whose_sync_fails_is_an_error(tmp_path, monkeypatch):
    sync = os.fsync

    def fail(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, 'input/output error')
        sync(descriptor)

    monkeypatch.setattr(os, 'fsync', fail)
    with pytest.raises(OSError, match='input/output'):
        write_atomically('whole', tmp_path / 'a')


WRITER = """
import os, sys, time
from mmtransfer.files import write_atomically
def wait(*args):
    print('writing', flush=True)
    time.sleep(60)
os.replace = wait
write_atomically('theirs', sys.argv[1])
"""


def test_two_writers_do_not_meet_and_what_a_killed_one_left_is_gone_after_the_next(tmp_path):
    path = tmp_path / 'a'
    (tmp_path / '.a.tmp').write_text('left by an older version')
    command = [sys.executable, '-c', WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == 'writing\n'
        write_atomically('ours', path)
        (left,) = set(os.listdir(tmp_path)) - {'a'}  # of a living writer: not touched
        assert (tmp_path / left).read_text() == 'theirs' and path.read_text() == 'ours'
        writer.send_signal(signal.SIGKILL)
    assert set(os.listdir(tmp_path)) == {'a', left}
    write_atomically('again', path)
    assert os.listdir(tmp_path) == ['a'] and path.read_text() == 'again'


def test_many_threads_write_one_file(tmp_path):
    texts = [str(n) * 10_000 for n in range(8)]

    def write(text):
        for _ in range(20):
            write_atomically(text, tmp_path / 'a')

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / 'a').read_text() in texts and os.listdir(tmp_path) == ['a']


def test_one_at_a_time_takes_its_turn(tmp_path):
    inside, most = 0, 0

    def enter():
        nonlocal inside, most
        with exclusive_use(tmp_path):
            inside += 1
            most = max(most, inside)
            time.sleep(0.01)
            inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1 and os.listdir(tmp_path) == []
