"""The adapted network: architecture and weights come from simplebaseline_mbv2_search.py."""

_base_ = './simplebaseline_mbv2_seed.py'

found = 'work_dirs/simplebaseline_mbv2_search'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
custom_hooks = [
    dict(type='mmtransfer.RemapHook', source='supernet', checkpoint=found),
    dict(type='mmtransfer.ReestimateBNHook', iterations=200),
    *_base_.adapt.custom_hooks,
]
