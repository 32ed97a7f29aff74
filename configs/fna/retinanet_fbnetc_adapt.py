"""The adapted network, found by retinanet_fbnetc_search.py."""

_base_ = './retinanet_fbnetc_seed.py'

found = 'work_dirs/retinanet_fbnetc_search'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
default_hooks = dict(remap=dict(_base_.remap, checkpoint=found), reestimate_bn=_base_.reestimate_bn)
