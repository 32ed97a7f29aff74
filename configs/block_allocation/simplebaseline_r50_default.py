"""The rival: mmpose's SimpleBaseline on MPII, on the plain ResNet-50."""

_base_ = [
    'mmpose::body_2d_keypoint/topdown_heatmap/mpii/td-hm_res50_8xb64-210e_mpii-256x256.py',
    '../_base_/depth_resnet50.py',
    '../_base_/adapt_mmpose.py',
]

# mmpose's networks learn their statistics of batch normalisation on the target.
plain = dict(out_indices=(3,), frozen_stages=-1, norm_eval=False)
child = plain
model = dict(backbone=dict(_base_.plain, **plain))
optim_wrapper = dict(type='mmtransfer.RegularisedOptimWrapper')
source = dict(checkpoint='work_dirs/classifier_r50_default', initialise=['head.'])
default_hooks = dict(_base_.adapt.default_hooks, remap=dict(_base_.remap, **source))
custom_hooks = _base_.adapt.custom_hooks
