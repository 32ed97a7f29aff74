import os

import pytest

from mmtransfer.files import write_atomically


def test_text_and_bytes_into_a_new_folder(tmp_path):
    path = tmp_path / 'new/folder/a'
    write_atomically('ä\n', path)
    assert path.read_bytes() == b'\xc3\xa4\n'
    write_atomically(b'\x00', path)
    assert path.read_bytes() == b'\x00'
    assert os.listdir(path.parent) == ['a']


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


def test_what_a_killed_write_left_is_gone_after_the_next(tmp_path):
    (tmp_path / '.a.tmp').write_text('half')
    write_atomically('whole', tmp_path / 'a')
    assert os.listdir(tmp_path) == ['a']
