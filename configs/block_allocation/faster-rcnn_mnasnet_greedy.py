"""Block allocation on Faster R-CNN, MnasNet-b0, COCO (Sec. 4.1): the supernet of
classifier_mnasnet_supernet.py is fine-tuned here, then the networks of every size are found."""

_base_ = [
    'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
    '../_base_/depth_mnasnet.py',
    '../_base_/greedy_mmdet.py',
]

model = dict(backbone=_base_.supernet, neck=dict(in_channels=_base_.channels))
train_cfg = _base_.greedy.train_cfg
# Multiply-adds of the network that the paper found, 1.8 % above the seed's 293_065_472 (Table 1).
train_cfg.searcher.target = 298_352_768
optim_wrapper = _base_.greedy.optim_wrapper
param_scheduler = _base_.greedy.param_scheduler
default_hooks = _base_.greedy.default_hooks
visualizer = _base_.greedy.visualizer
custom_hooks = [
    dict(
        type='mmtransfer.RemapHook',
        checkpoint='work_dirs/classifier_mnasnet_supernet',
        initialise=['neck.', 'rpn_head.', 'roi_head.'],
    ),
    *_base_.custom_hooks,
]
auto_scale_lr = dict(enable=False, base_batch_size=64)  # 32 processes
