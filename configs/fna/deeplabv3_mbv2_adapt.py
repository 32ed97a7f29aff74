"""The adapted network: architecture and weights from deeplabv3_mbv2_search.py (Sec. 4.1, 4.6)."""

_base_ = './deeplabv3_mbv2_seed.py'

found = 'work_dirs/deeplabv3_mbv2_search'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
default_hooks = dict(
    # From the seed instead (Sec. 3.2.3): source='seed', checkpoint=_base_.checkpoint.
    remap=dict(_base_.remap, checkpoint=found),
    reestimate_bn=_base_.reestimate_bn,
)
