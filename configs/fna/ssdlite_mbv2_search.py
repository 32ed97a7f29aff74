"""FNA++ on SSDLite, MobileNetV2, COCO (Sec. 4.2), at 320 x 320.

As in all of mmdet's SSDs an epoch reads its images five times (RepeatDataset).
"""

_base_ = [
    'mmdet::ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py',
    '../_base_/ssdlite_mbv2.py',
    '../_base_/search_settings.py',
]

model = dict(backbone=_base_.supernet, neck=_base_.neck, bbox_head=_base_.head)
train_dataloader = dict(batch_size=16)  # 8 processes

_base_.search.train_cfg.update(max_epochs=30, arch_begin=15, val_interval=5, input_size=(320, 320))
_base_.search.train_cfg.alternation = (1, 5)
# The journal's lambda; the released code of the conference paper has 0.15.
_base_.search.train_cfg.regularisers = [dict(type='mmtransfer.CostTerm', factor=0.35)]
# With PyTorch's own eps, 1e-8, steps of this learning rate would be far too long.
_base_.search.optim_wrapper.weights.optimizer = dict(
    type='RMSprop', lr=0.05, momentum=0.9, eps=1.0, weight_decay=4e-5
)
_base_.search.param_scheduler.weights = [
    _base_.warm_up,
    dict(_base_.steps, milestones=[18, 25, 28]),
]
globals().update(_base_.search)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmtransfer.SearchLogHook'),
    dict(type='mmtransfer.CheckRunHook'),
]
auto_scale_lr = dict(enable=False, base_batch_size=128)
