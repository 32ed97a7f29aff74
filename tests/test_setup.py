"""What ``pip install mmtransfer`` and ``make install`` put into an environment."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import setuptools

ROOT = Path(__file__).parents[1]


def test_installing_the_package_brings_no_toolbox(monkeypatch):
    """Another distribution of the same modules may be there: pip would put one over the other."""
    given = {}
    monkeypatch.setattr(setuptools, 'setup', lambda **kwargs: given.update(kwargs))
    runpy.run_path(str(ROOT / 'setup.py'))
    assert given['install_requires'] == ['numpy', 'matplotlib']


def fake_python(path: Path, version: str, log: Path) -> None:
    """An interpreter that says it is of some version, makes environments and records the rest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"""#!/bin/sh
case "$1 $2" in
  "-c "*) echo {version} ;;
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *) echo "$@ [$PIP_CONSTRAINT]" >>{log} ;;
esac
""")
    path.chmod(0o755)


@pytest.fixture
def install(tmp_path):
    """Runs install.sh in a copy of what it reads, with an interpreter of the version given."""
    for name in ('setup.py', 'requirements', 'tools/install.sh'):
        target = tmp_path / 'here' / name
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, target)

    def run(version: str, *args: str) -> tuple[int, str, list[str]]:
        log = tmp_path / 'log'
        log.write_text('')
        fake_python(tmp_path / version / 'python', version, log)
        done = subprocess.run(
            ['bash', tmp_path / 'here/tools/install.sh', *args],
            env={**os.environ, 'PYTHON': str(tmp_path / version / 'python')},
            capture_output=True,
            text=True,
        )
        calls = log.read_text().splitlines()
        return done.returncode, done.stderr, [c for c in calls if ' install ' in c]

    run.folder = tmp_path / 'here'
    return run


@pytest.mark.parametrize('version', ['3.11', '3.12'])
@pytest.mark.parametrize('stack', ['upstream', 'fork'])
def test_a_stack_is_installed_once(install, version, stack):
    code, error, calls = install(version, 'env', stack)
    assert (code, error) == (0, '') and len(calls) > 4
    pins = f'[requirements/constraints.txt requirements/{stack}.txt]'
    assert all(pins in call for call in calls)
    toolboxes = [call for call in calls if f'-r requirements/{stack}.txt' in call]
    assert len(toolboxes) == 1 and '--no-deps --no-build-isolation' in toolboxes[0]
    assert install(version, 'env', stack) == (0, '', [])  # nothing has changed
    (install.folder / 'requirements/run.txt').write_text('numpy\n')
    assert len(install(version, 'env', stack)[2]) == len(calls)


@pytest.mark.parametrize('version', ['3.10', '3.13'])
def test_other_versions_of_python_are_refused(install, version):
    code, error, calls = install(version, 'env')
    assert code == 1 and calls == []
    assert re.search(rf'Python 3\.11 or 3\.12 is needed, .*python is {version}; set PYTHON=', error)


def test_an_environment_of_another_stack_or_python_is_refused(install):
    """The distributions of one stack would be put over the other's."""
    assert install('3.11', 'env')[0] == 0
    code, error, calls = install('3.11', 'env', 'fork')
    assert code == 1 and calls == []
    assert 'env holds the stack upstream, not fork: name another folder' in error
    code, error, calls = install('3.12', 'env')
    assert code == 1 and calls == []
    assert 'env has Python 3.11, not 3.12: remove it first' in error


def test_an_unknown_stack_is_refused(install):
    code, error, calls = install('3.11', 'env', 'branch')
    assert code == 1 and calls == [] and "upstream or fork; it is 'branch'" in error


def test_a_wheel_brings_configs_and_tools(tmp_path):
    """From a folder of one's own: a config with a base of ours, and a tool that reads it."""
    source, site, work = tmp_path / 'source', tmp_path / 'site', tmp_path / 'work'
    work.mkdir()
    for name in ('configs', 'mmtransfer'):
        ignore = shutil.ignore_patterns('__pycache__')
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignore)
    for name in ('setup.py', 'pyproject.toml', 'README.md', 'LICENSE'):
        shutil.copy(ROOT / name, source)
    build = ['pip', 'wheel', '-q', '--no-deps', '--no-build-isolation', '--no-index']
    subprocess.run([sys.executable, '-m', *build, '-w', tmp_path, source], check=True)
    (wheel,) = tmp_path.glob('*.whl')
    zipfile.ZipFile(wheel).extractall(site)
    shipped = {p.relative_to(site / 'mmtransfer/.mim') for p in site.rglob('configs/**/*.*')}
    assert shipped == {p.relative_to(ROOT) for p in ROOT.glob('configs/**/*.*')
                       if p.suffix in ('.py', '.json')}  # fmt: skip
    assert (site / 'mmtransfer/tools/dist_train.sh').exists()

    (work / 'mine.py').write_text(
        "_base_ = ['mmdet::retinanet/retinanet_r50_fpn_1x_coco.py',\n"
        "          'mmtransfer::_base_/mobilenet_v2.py', 'mmtransfer::_base_/adapt_mmdet.py']\n"
        'model = dict(backbone=_base_.plain, neck=dict(in_channels=_base_.channels))\n'
        'globals().update(_base_.adapt)\n'
    )
    command = [sys.executable, '-m', 'mmtransfer.tools.get_cost', 'mine.py', '--json']
    done = subprocess.run(
        [*command, '--shape', '64', '64'], cwd=work, env={**os.environ, 'PYTHONPATH': str(site)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)['madds']['backbone'] == 22_810_112
