"""Block allocation around EfficientNet-Lite0 in a narrow Faster R-CNN on made shapes: the supernet
begins with ImageNet's weights; blocks beyond the seed's own are copies of the last one of their
stage."""

_base_ = ['../_base_/jobs/faster-rcnn_efflite0_greedy.py', '../_base_/data/toy.py']

train_cfg = dict(
    max_epochs=10, val_interval=10, input_size=(160, 160), evaluation=dict(bn_iterations=10)
)
param_scheduler = dict(weights=[dict(_base_.warm_up, end=20), dict(_base_.steps, milestones=[8])])
