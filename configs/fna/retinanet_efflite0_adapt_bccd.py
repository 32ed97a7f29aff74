"""The adapted network: architecture and weights from retinanet_efflite0_search_bccd.py."""

_base_ = './retinanet_efflite0_seed_bccd.py'

found = 'work_dirs/retinanet_efflite0_search_bccd'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
default_hooks = dict(remap=dict(_base_.remap, checkpoint=found), reestimate_bn=_base_.reestimate_bn)
