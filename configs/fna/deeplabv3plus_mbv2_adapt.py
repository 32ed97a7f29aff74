"""The network that deeplabv3_mbv2_search.py found, adapted to DeepLabv3+ (Sec. 4.1.2): its backbone
comes from that search, its decoder starts again."""

_base_ = './deeplabv3plus_mbv2_seed.py'

found = 'work_dirs/deeplabv3_mbv2_search'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
default_hooks = dict(
    remap=dict(_base_.remap, checkpoint=found, initialise=['decode_head.']),
    reestimate_bn=_base_.reestimate_bn,
)
