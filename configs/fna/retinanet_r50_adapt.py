"""The adapted network, found by retinanet_r50_search.py."""

_base_ = './retinanet_r50_seed.py'

found = 'work_dirs/retinanet_r50_search'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
custom_hooks = [
    dict(type='mmtransfer.RemapHook', source='supernet', checkpoint=found),
    dict(type='mmtransfer.ReestimateBNHook', iterations=200, frozen=True),
    dict(type='mmtransfer.CheckRunHook'),
]
