"""The adapted network, found by retinanet_fbnetc_search.py."""

_base_ = './retinanet_fbnetc_seed.py'

found = 'work_dirs/retinanet_fbnetc_search'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
custom_hooks = [
    dict(type='mmtransfer.RemapHook', source='supernet', checkpoint=found),
    dict(type='mmtransfer.ReestimateBNHook', iterations=200),
    dict(type='mmtransfer.CheckRunHook'),
]
