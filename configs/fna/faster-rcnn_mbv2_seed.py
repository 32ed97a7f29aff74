_base_ = [
    'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
    '../_base_/mobilenet_v2.py',
    '../_base_/adapt_mmdet.py',
]
model = dict(backbone=_base_.plain, neck=dict(in_channels=_base_.channels))
train_dataloader = dict(batch_size=4)  # 8 processes
auto_scale_lr = dict(enable=False, base_batch_size=32)
globals().update(_base_.adapt)
