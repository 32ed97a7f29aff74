"""Block allocation around EfficientNet-Lite0 in a narrow Faster R-CNN on BCCD: the supernet begins
with ImageNet's weights; blocks beyond the seed's own are copies of the last one of their stage."""

_base_ = ['../_base_/jobs/faster-rcnn_efflite0_greedy.py', '../_base_/data/bccd.py']

train_cfg = dict(
    max_epochs=24, val_interval=24, input_size=(144, 192), evaluation=dict(bn_iterations=18)
)
optim_wrapper = dict(weights=dict(optimizer=dict(lr=5e-4)))
param_scheduler = dict(
    weights=[dict(_base_.warm_up, end=30), dict(_base_.steps, milestones=[16, 22])]
)
