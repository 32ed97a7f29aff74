import importlib
import subprocess
import sys
import types

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.logging.history_buffer import HistoryBuffer

from mmtransfer import compat

LAUNCHER_NAMES = [name for names in compat._ENVIRONMENTS.values() for name in names]
ALL_NAMES = [*LAUNCHER_NAMES, 'MASTER_ADDR', 'MASTER_PORT', 'SLURM_NODELIST']


class Code:
    """Runs when it is unpickled without care."""

    def __reduce__(self):
        return getattr, (HistoryBuffer, '__init__')


def test_logs_load_with_weights_only_and_code_does_not(tmp_path):
    compat.apply()
    log = HistoryBuffer([1.0, 3.0], [1, 1])
    values = dict(
        log=log, scalar=np.float32(0.5), array=np.arange(3, dtype='u1'), count=np.int64(2)
    )
    torch.save(values, tmp_path / 'a.pth')
    back = torch.load(tmp_path / 'a.pth', weights_only=True)
    assert back['log'].mean() == 2.0 and back['scalar'] == 0.5 and back['count'] == 2
    assert back['array'].tolist() == [0, 1, 2]
    torch.save(Code(), tmp_path / 'b.pth')
    with pytest.raises(Exception, match='refused to unpickle getattr'):
        torch.load(tmp_path / 'b.pth', weights_only=True)


def test_mmengine_reads_every_checkpoint_as_we_do(tmp_path, monkeypatch):
    """Its own loaders take a damaged file, and load code from a web address."""
    from mmengine.runner.checkpoint import CheckpointLoader, load_checkpoint

    from mmtransfer.checkpoints import reading
    from mmtransfer.checkpoints.errors import CheckpointError

    compat.apply()
    path = tmp_path / 'a.pth'
    torch.save(torch.nn.Linear(100, 1).state_dict(), path)
    whole = bytearray(path.read_bytes())
    whole[whole.index(torch.load(path)['weight'].numpy().tobytes())] ^= 1
    path.write_bytes(whole)
    with pytest.raises(CheckpointError, match='a.pth.*is damaged'):
        load_checkpoint(torch.nn.Linear(100, 1), str(path))
    torch.save({'state_dict': {}, 'code': Code()}, path)
    monkeypatch.setattr(reading, 'fetch', lambda name: path)
    client = types.SimpleNamespace(get=lambda name: path.read_bytes())
    monkeypatch.setattr('mmengine.fileio.get_file_backend', lambda *_, **__: client)
    for scheme in ('https://', 'http://', 'open-mmlab://', 'torchvision://', 's3://', 'a:s3://'):
        with pytest.raises(CheckpointError, match='refused to unpickle getattr'):
            CheckpointLoader.load_checkpoint(f'{scheme}b/a.pth', 'cpu')


REGISTRY = """
import sys
import mmtransfer.registry
heavy = ('mmdet', 'mmseg', 'mmpose', 'mmengine.runner', 'mmcv', 'matplotlib')
print(*[name for name in heavy if name in sys.modules])
import torch
print(torch.load(sys.argv[1], weights_only=True)['log'].mean())
from mmengine.runner.checkpoint import CheckpointLoader
print(CheckpointLoader._get_checkpoint_loader('x.pth').__name__)
"""


def test_importing_the_registry_applies_the_remedies_and_is_cheap(tmp_path):
    """As MMEngine does in any program whose config names a type of ours."""
    torch.save(dict(log=HistoryBuffer([1.0, 3.0], [1, 1])), tmp_path / 'a.pth')
    command = [sys.executable, '-c', REGISTRY, str(tmp_path / 'a.pth')]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split('\n')[:3] == ['', '2.0', 'load_from_mmtransfer']


def test_without_the_torch_feature_nothing_is_registered(monkeypatch):
    monkeypatch.delattr(torch.serialization, 'add_safe_globals')
    compat.register_for_mmengine()


@pytest.mark.parametrize(('torchvision', 'stubbed'), [(None, True), (object(), False)])
def test_simcc_stub_only_where_torchvision_is_absent(monkeypatch, torchvision, stubbed):
    name = 'mmpose.visualization.simcc_vis'
    monkeypatch.delitem(sys.modules, name, raising=False)
    specs = dict(torchvision=torchvision, mmpose=object())
    monkeypatch.setattr(compat.importlib.util, 'find_spec', specs.get)
    compat.stub_simcc_vis()
    assert (name in sys.modules) == stubbed
    if stubbed:
        with pytest.raises(ImportError, match='torchvision'):
            sys.modules.pop(name).SimCCVisualizer().draw_instance_xy_heatmap()


def operators():
    """Operators on features of (2, 4, 9, 12), after the remedy."""
    compat.apply()
    from mmcv.ops import DeformConv2d, ModulatedDeformConv2d, RoIAlign

    rois = torch.tensor([[0, 1.0, 2.0, 30.0, 25.0], [1, 5.0, 4.0, 44.0, 33.0]])
    align = RoIAlign(3, 0.25, 0)
    torch.manual_seed(0)
    offset, mask = torch.randn(2, 18, 9, 12), torch.rand(2, 9, 9, 12)
    deform = DeformConv2d(4, 4, 3, padding=1)
    modulated = ModulatedDeformConv2d(4, 4, 3, padding=1)
    return dict(
        roi_align=lambda x: align(x, rois),
        deform_conv=lambda x: deform(x, offset),
        modulated_deform_conv=lambda x: modulated(x, offset, mask),
    )


@pytest.mark.parametrize('name', ['roi_align', 'deform_conv', 'modulated_deform_conv'])
def test_mmcvs_operators_read_features_of_any_layout(name):
    run = operators()[name]
    x = torch.randn(2, 4, 9, 12, generator=torch.Generator().manual_seed(1))
    results = []
    for layout in (torch.contiguous_format, torch.channels_last):
        given = x.clone(memory_format=layout).requires_grad_()
        found = run(given)
        weights = torch.arange(found.numel(), dtype=torch.float).reshape(found.shape)
        found.backward(weights.contiguous(memory_format=layout))
        results.append((found.detach(), given.grad))
    (one, its_gradient), (two, other_gradient) = results
    assert torch.equal(one, two) and torch.equal(its_gradient, other_gradient)
    assert its_gradient.abs().sum() > 0


def test_a_module_is_mended_when_it_is_imported(tmp_path, monkeypatch):
    (tmp_path / 'late_module.py').write_text('value = 1\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    finders = len(sys.meta_path)

    def mend(module: types.ModuleType) -> None:
        module.value += 1

    for _ in range(2):  # asking twice mends once
        compat._after_import('late_module', mend)
    assert len(sys.meta_path) == finders + 1
    assert importlib.import_module('late_module').value == 2 and len(sys.meta_path) == finders
    compat._after_import('late_module', mend)  # already imported
    assert sys.modules.pop('late_module').value == 3


@pytest.mark.parametrize(
    ('source', 'missing'),
    [
        ('import pkg_resources', r'mmcv.*pkg_resources.*setuptools < 81'),
        ('from importlib.metadata import version', r'mmcv \(ConvModule and operators\)\. Install'),
    ],
)
def test_missing_packages_are_named(monkeypatch, source, missing):
    """pkg_resources only where mmengine reads it: the fork does not."""
    monkeypatch.setattr(compat.importlib.util, 'find_spec', lambda name: None)
    monkeypatch.setattr(compat.inspect, 'getsource', lambda module: source)
    with pytest.raises(compat.MissingFeatureError, match=missing):
        compat.check_features()


def test_configs_of_a_toolbox_are_found_whatever_its_distribution_is_called(tmp_path, monkeypatch):
    """A package `mmsomething` that is on the path and in no distribution `mmsome`."""
    folder = tmp_path / 'mmsomething'
    (folder / '.mim/configs/a').mkdir(parents=True)
    (folder / '__init__.py').write_text('')
    (folder / '.mim/model-index.yml').write_text('Import: []\n')
    (folder / '.mim/configs/a/b.py').write_text('value = 7\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(MODULE2PACKAGE, 'mmsomething', 'mmsome')
    before = {k: v for k, v in MODULE2PACKAGE.items() if compat._is_distribution(v)}
    config = tmp_path / 'config.py'
    config.write_text("_base_ = 'mmsomething::a/b.py'\n")
    compat.apply()
    assert Config.fromfile(config).value == 7
    assert before.items() <= MODULE2PACKAGE.items()  # what is there keeps its name


def test_mmengine_is_named_when_it_is_missing():
    code = (
        'import sys; sys.modules["mmengine"] = None\n'
        'from mmtransfer import compat\n'
        'try: compat.apply()\n'
        'except compat.MissingFeatureError as error: print(error)'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert 'mmtransfer needs mmengine (runner and configs)' in done.stdout


def test_operators_are_mended_while_others_import(monkeypatch):
    class Growing(dict):
        """As if another thread imported something at every entry."""

        def items(self):
            for number, item in enumerate(super().items()):
                self[f'imported_{number}'] = types.ModuleType('x')
                yield item

    compat.apply()
    import mmcv.ops  # noqa: F401

    with monkeypatch.context() as patch:
        patch.setattr(sys, 'modules', Growing(sys.modules))
        compat.mend_memory_layouts()


@pytest.fixture
def environment(monkeypatch):
    """Sets variables of a launcher, collects what would be started, and cleans up after itself."""
    for name in ALL_NAMES:
        monkeypatch.setenv(name, '')  # so that what the call sets is undone
        monkeypatch.delenv(name)
    for name in ('OMPI_COMM_WORLD_LOCAL_SIZE', 'LOCAL_WORLD_SIZE'):
        monkeypatch.delenv(name, raising=False)
    started = []
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(torch.distributed, 'init_process_group', started.append)

    def start(launcher, **variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        compat.init_distributed(launcher)
        return started, {n: compat.os.environ.get(n) for n in ('RANK', 'WORLD_SIZE', 'MASTER_ADDR')}

    return start


@pytest.mark.parametrize(
    ('launcher', 'variables', 'host'),
    [
        ('pytorch', dict(RANK='1', WORLD_SIZE='2', LOCAL_RANK='1', MASTER_ADDR='h'), 'h'),
        ('slurm', dict(SLURM_PROCID='1', SLURM_NTASKS='2', SLURM_NODELIST='node7'), 'node7'),
        ('mpi', dict(OMPI_COMM_WORLD_RANK='1', OMPI_COMM_WORLD_SIZE='2'), '127.0.0.1'),
    ],
)
def test_each_launcher_starts_gloo(environment, launcher, variables, host):
    started, env = environment(launcher, **variables)
    assert started == ['gloo'] and env == dict(RANK='1', WORLD_SIZE='2', MASTER_ADDR=host)


def test_launcher_errors(environment):
    assert environment('none')[0] == []
    with pytest.raises(ValueError, match='must set SLURM_PROCID, SLURM_NTASKS'):
        environment('slurm')
    with pytest.raises(ValueError, match='none, pytorch, slurm, mpi'):
        environment('mpy')
    with pytest.raises(ValueError, match='MASTER_ADDR must name the host'):
        environment(
            'mpi',
            OMPI_COMM_WORLD_RANK='0',
            OMPI_COMM_WORLD_SIZE='4',
            OMPI_COMM_WORLD_LOCAL_SIZE='2',
        )


def test_a_group_is_left_once_a_run_has_ended(tmp_path):
    compat.end_distributed()  # no group: nothing to do
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1
    )
    compat.end_distributed()
    assert not torch.distributed.is_initialized()
