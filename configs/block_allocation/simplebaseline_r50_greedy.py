"""Block allocation on SimpleBaseline, ResNet-50, MPII: the supernet of classifier_r50_supernet.py
is fine-tuned here, then the networks of every size are found."""

_base_ = [
    'mmpose::body_2d_keypoint/topdown_heatmap/mpii/td-hm_res50_8xb64-210e_mpii-256x256.py',
    '../_base_/depth_resnet50.py',
    '../_base_/greedy_mmpose.py',
]

model = dict(backbone=dict(_base_.supernet, out_indices=(3,)))
_base_.greedy.train_cfg.searcher.blocks = 16  # as many as the seed has
globals().update(_base_.greedy)
source = dict(checkpoint='work_dirs/classifier_r50_supernet', initialise=['head.'])
default_hooks = dict(_base_.greedy.default_hooks, remap=dict(_base_.remap, **source))
