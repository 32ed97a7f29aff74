"""The adapted network: architecture and weights come from retinanet_mbv2_search.py (Sec. 4.6)."""

_base_ = './retinanet_mbv2_seed.py'

found = 'work_dirs/retinanet_mbv2_search'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
default_hooks = dict(
    # From the seed instead (Sec. 3.2.3): source='seed', checkpoint=_base_.checkpoint.
    remap=dict(_base_.remap, checkpoint=found),
    reestimate_bn=_base_.reestimate_bn,
)
