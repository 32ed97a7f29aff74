"""Configs of toolboxes of other distributions."""

from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE

from mmtransfer import compat
from mmtransfer.compat.toolbox_names import _is_distribution


def test_configs_of_a_toolbox_are_found_whatever_its_distribution_is_called(tmp_path, monkeypatch):
    """A package ``mmsomething`` that is on the path and in no distribution ``mmsome``."""
    folder = tmp_path / 'mmsomething'
    (folder / '.mim/configs/a').mkdir(parents=True)
    (folder / '__init__.py').write_text('')
    (folder / '.mim/model-index.yml').write_text('Import: []\n')
    (folder / '.mim/configs/a/b.py').write_text('value = 7\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(MODULE2PACKAGE, 'mmsomething', 'mmsome')
    before = {k: v for k, v in MODULE2PACKAGE.items() if _is_distribution(v)}
    config = tmp_path / 'config.py'
    config.write_text("_base_ = 'mmsomething::a/b.py'\n")
    compat.apply()
    assert Config.fromfile(config).value == 7
    assert before.items() <= MODULE2PACKAGE.items()  # what is there keeps its name
