"""The adapted network: architecture and weights come from simplebaseline_mbv2_search.py."""

_base_ = './simplebaseline_mbv2_seed.py'

found = 'work_dirs/simplebaseline_mbv2_search'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
default_hooks = dict(remap=dict(_base_.remap, checkpoint=found), reestimate_bn=_base_.reestimate_bn)
