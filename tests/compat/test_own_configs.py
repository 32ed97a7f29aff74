"""``mmtransfer::`` names a config of the package, wherever it was imported from."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmtransfer import compat

ROOT = Path(__file__).parents[2]
NAME = 'fna/retinanet_efflite0_search_bccd.py'


def scopes(value) -> set[str]:
    """Every ``_scope_`` in a config."""
    if isinstance(value, dict):
        found = {value['_scope_']} if '_scope_' in value else set()
        return found.union(*map(scopes, value.values()))
    return set().union(*map(scopes, value)) if isinstance(value, list | tuple) else set()


def test_a_base_of_ours_is_what_its_file_says(tmp_path):
    """It keeps the scopes of the toolbox's bases, and adds none: nothing of mmdet's is in ours."""
    compat.apply()
    (tmp_path / 'mine.py').write_text(f"_base_ = 'mmtransfer::{NAME}'\n")
    found = Config.fromfile(tmp_path / 'mine.py').to_dict()
    assert found == Config.fromfile(ROOT / 'configs' / NAME).to_dict()
    assert scopes(found) == {'mmdet'}


def test_a_base_that_is_not_there_is_named(tmp_path):
    compat.apply()
    (tmp_path / 'mine.py').write_text("_base_ = 'mmtransfer::fna/gone.py'\n")
    with pytest.raises(FileNotFoundError, match=r'configs/fna/gone\.py'):
        Config.fromfile(tmp_path / 'mine.py')
