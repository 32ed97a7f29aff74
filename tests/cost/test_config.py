"""Backbones of ours wherever they stand in the config of a model."""

import pytest
from mmengine.config import Config

from mmtransfer import compat
from mmtransfer.backbones import AdaptedBackbone
from mmtransfer.cost.config import build_model, own_backbone_configs, own_supernet
from mmtransfer.remap.sources import own_backbones
from tests.engine.tiny import SPACE, search_config

ADAPTED = dict(type=AdaptedBackbone, architecture='mobilenet_v2', init_cfg=dict(checkpoint='x'))
SUPERNET = dict(type='mmtransfer.FNASupernet', init_cfg=dict(checkpoint='x'), **SPACE)


@pytest.fixture(autouse=True)
def _remedies():
    compat.apply()


@pytest.mark.parametrize(
    ('model', 'keys'),
    [
        (dict(type='mmdet.RetinaNet', backbone=ADAPTED), ['model.backbone']),
        (dict(detector=dict(backbone=SUPERNET)), ['model.detector.backbone']),
        (
            dict(student=dict(backbone=SUPERNET), teacher=dict(backbone=ADAPTED)),
            ['model.student.backbone', 'model.teacher.backbone'],
        ),
        (dict(models=[dict(), dict(img_backbone=ADAPTED)]), ['model.models.1.img_backbone']),
        (dict(detector=dict(_scope_='mmtransfer', backbone=dict(type='DepthSupernet'))),
         ['model.detector.backbone']),
        (dict(backbone=dict(type='mmengine.X'), head=dict(type='mmtransfer.FNASupernet')), []),
    ],
)  # fmt: skip
def test_our_backbones_by_their_keys(model, keys):
    found = own_backbone_configs(Config(dict(model=model)).model, 'mmengine')
    assert list(found) == keys
    assert all('type' in part for part in found.values())


def test_the_one_supernet_without_its_weights():
    model = Config(dict(model=dict(detector=dict(backbone=SUPERNET)))).model
    found = own_supernet(model)
    assert found['init_cfg'] is None and found['seed'] == 'mobilenet_v2'
    assert model.detector.backbone.init_cfg.checkpoint == 'x'
    with pytest.raises(ValueError, match='one supernet, such as .*; found 0'):
        own_supernet(dict(backbone=ADAPTED))
    both = dict(student=dict(backbone=SUPERNET), teacher=dict(backbone=SUPERNET))
    with pytest.raises(ValueError, match='found 2: model.student.backbone, model.teacher.backbone'):
        own_supernet(both)


def test_an_architecture_goes_into_a_wrapped_supernet(tmp_path):
    cfg = search_config(tmp_path, wrapped=True)
    (backbone,) = own_backbones(build_model(cfg, 'mobilenet_v2')).values()
    assert isinstance(backbone, AdaptedBackbone) and backbone.architecture.seed == 'mobilenet_v2'
    assert cfg.model.detector.backbone.type == 'mmtransfer.FNASupernet'
