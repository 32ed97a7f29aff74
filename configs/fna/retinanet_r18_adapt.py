"""The adapted network, found by retinanet_r18_search.py."""

_base_ = './retinanet_r18_seed.py'

found = 'work_dirs/retinanet_r18_search'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
default_hooks = dict(remap=dict(_base_.remap, checkpoint=found), reestimate_bn=_base_.reestimate_bn)
