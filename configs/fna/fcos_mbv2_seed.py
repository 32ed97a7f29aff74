_base_ = [
    'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py',
    '../_base_/mobilenet_v2.py',
    '../_base_/adapt_mmdet.py',
]
neck = dict(in_channels=_base_.channels)
model = dict(data_preprocessor=_base_.pixels, backbone=_base_.plain, neck=neck)
_base_.adapt.optim_wrapper.optimizer.lr = 0.02  # as in mmdet, for batch 32
globals().update(_base_.adapt)
train_dataloader = dict(batch_size=4)  # 8 processes
auto_scale_lr = dict(enable=False, base_batch_size=32)
