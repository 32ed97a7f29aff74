_base_ = './fcos_mbv2_seed.py'

found = 'work_dirs/fcos_mbv2_search'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
default_hooks = dict(remap=dict(_base_.remap, checkpoint=found), reestimate_bn=_base_.reestimate_bn)
