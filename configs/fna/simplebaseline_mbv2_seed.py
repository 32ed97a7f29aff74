"""The rival: SimpleBaseline on the plain MobileNetV2, fine-tuned with the adapted network's
schedule (Sec. 4.3)."""

_base_ = [
    'mmpose::body_2d_keypoint/topdown_heatmap/mpii/td-hm_res50_8xb64-210e_mpii-256x256.py',
    '../_base_/mobilenet_v2.py',
    '../_base_/adapt_mmpose.py',
]

model = dict(backbone=dict(_base_.plain, out_indices=(6,)), head=dict(in_channels=320))
# SimpleBaseline's own augmentation on MPII; mmpose's default is stronger.
train_pipeline = _base_.train_pipeline
train_pipeline[3].update(scale_factor=(0.75, 1.25), rotate_factor=60)
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))

train_cfg = _base_.adapt.train_cfg
optim_wrapper = _base_.adapt.optim_wrapper
param_scheduler = _base_.adapt.param_scheduler
default_hooks = _base_.adapt.default_hooks
custom_hooks = _base_.adapt.custom_hooks
auto_scale_lr = dict(enable=False, base_batch_size=32)
