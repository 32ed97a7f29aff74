"""Schedules and hooks by name: a config changes one of them by ``dict(_base_.warm_up, end=30)``,
and adds one by ``default_hooks = dict(remap=dict(_base_.remap, checkpoint=...))``."""

warm_up = dict(type='LinearLR', start_factor=1 / 3, by_epoch=False, begin=0, end=500)
steps = dict(type='MultiStepLR', by_epoch=True, milestones=[8, 11], gamma=0.1)

remap = dict(type='mmtransfer.RemapHook', source='supernet')
reestimate_bn = dict(type='mmtransfer.ReestimateBNHook', iterations=200)
