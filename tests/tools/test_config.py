"""A config that cannot be read says which file, which line and why, in one message."""

import gc

import pytest

from mmtransfer.tools._config import ConfigError, check_schedule, read_config

# MMEngine leaves its copy of a file that it could not read open.
pytestmark = pytest.mark.filterwarnings(
    'ignore::ResourceWarning', 'ignore::pytest.PytestUnraisableExceptionWarning'
)


@pytest.fixture(autouse=True)
def _closed():
    yield
    gc.collect()


def refusal(folder, **files):
    """What is said of ``top.py`` among these files."""
    for name, text in files.items():
        (folder / f'{name}.py').write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(folder / 'top.py')
    return str(caught.value)


@pytest.mark.parametrize(
    ('files', 'message'),
    [
        (dict(top='x = 1\nmodel = dict('), "{}/top.py', line 2: '(' was never closed: model ="),
        (dict(top="_base_ = './b.py'", b='model = dict('), "{}/b.py', line 1: '(' was never"),
        (dict(top='x = 1\nmodel = dict(type=y)'), "{}/top.py', line 2: NameError: name 'y'"),
        (dict(top='model = {{}}["b"]'), "{}/top.py', line 1: "),
        (dict(top="_base_ = './b.py'"), "{0}/top.py' names a _base_ that does not exist: '{0}/b."),
        (dict(top="_base_ = 'mmdet::x.py'"), "{}/top.py'"),
        (dict(top="_base_ = ['./b.py', './c.py']", b='x = 1', c='x = 2'), 'Duplicate key'),
        (dict(top='with read_base():\n    from .b import *'), 'b.py not found'),
        (dict(top="custom_imports = dict(imports=['b.c'])"), 'Failed to import custom modules'),
        (dict(top=''), "must have a model; '{}/top.py' sets nothing"),
        (dict(top='train_cfg = dict()\nx = 2'), 'sets train_cfg, x. Is it the base of another'),
        (dict(top='model = None'), 'must have a model'),
    ],
)  # fmt: skip
def test_unreadable_configs(tmp_path, files, message):
    said = refusal(tmp_path, **{k: v.replace('{{}}', '{}') for k, v in files.items()})
    assert message.format(tmp_path) in said


def test_a_json_that_is_none(tmp_path):
    (tmp_path / 'x.json').write_text('{')
    with pytest.raises(ConfigError, match=r'x\.json.*: JSONDecodeError: '):
        read_config(tmp_path / 'x.json')


def test_the_config_whose_schedule_leads_nowhere_is_named(tmp_path):
    (tmp_path / 'x.py').write_text('model = dict()\ntrain_cfg = dict(max_epochs=3, val_interval=0)')
    cfg = read_config(tmp_path / 'x.py')
    with pytest.raises(ConfigError, match=r"x\.py': train_cfg\.val_interval must be .* received 0"):
        check_schedule(cfg)
    cfg.train_cfg.val_interval = 3
    check_schedule(cfg)
