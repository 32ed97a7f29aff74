_base_ = './faster-rcnn_mbv2_seed.py'

found = 'work_dirs/faster-rcnn_mbv2_search'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
custom_hooks = [
    dict(type='mmtransfer.RemapHook', source='supernet', checkpoint=found),
    dict(type='mmtransfer.ReestimateBNHook', iterations=200),
    dict(type='mmtransfer.CheckRunHook'),
]
