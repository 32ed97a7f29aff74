"""The rival: SSDLite on the plain MobileNetV2, fine-tuned with the adapted network's schedule.

As in all of mmdet's SSDs an epoch reads its images five times (RepeatDataset).
"""

_base_ = [
    'mmdet::ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py',
    '../_base_/ssdlite_mbv2.py',
    '../_base_/adapt_settings.py',
]

model = dict(backbone=_base_.plain, neck=_base_.neck, bbox_head=_base_.head)
train_dataloader = dict(batch_size=64)  # 8 processes

_base_.adapt.train_cfg.update(max_epochs=60, val_interval=5)
# The released code's; the paper names the learning rate only.
_base_.adapt.optim_wrapper.optimizer = dict(
    type='RMSprop', lr=0.2, momentum=0.9, eps=1.0, weight_decay=4e-5
)
_base_.adapt.optim_wrapper.clip_grad = None  # as in mmdet's and in the released code
_base_.adapt.param_scheduler = [_base_.warm_up, dict(_base_.steps, milestones=[36, 50, 56])]
globals().update(_base_.adapt)
custom_hooks = [*_base_.custom_hooks, dict(type='mmtransfer.CheckRunHook')]
auto_scale_lr = dict(enable=False, base_batch_size=512)
