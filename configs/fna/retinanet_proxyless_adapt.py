"""The adapted network, found by retinanet_proxyless_search.py."""

_base_ = './retinanet_proxyless_seed.py'

found = 'work_dirs/retinanet_proxyless_search'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
custom_hooks = [
    dict(type='mmtransfer.RemapHook', source='supernet', checkpoint=found),
    dict(type='mmtransfer.ReestimateBNHook', iterations=200),
    dict(type='mmtransfer.CheckRunHook'),
]
