_base_ = [
    'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py',
    '../_base_/mobilenet_v2.py',
    '../_base_/search_mmdet.py',
]
neck = dict(in_channels=_base_.channels)
model = dict(data_preprocessor=_base_.pixels, backbone=_base_.supernet, neck=neck)
_base_.search.optim_wrapper.weights.optimizer.lr = 0.01  # as in mmdet, for batch 16
globals().update(_base_.search)
