"""ResNet-50 with a non-local module on the found allocation (Table 3), from classifier_r50_child.py
with the same blocks, on CUB-200-2011."""

_base_ = './classifier_r50nl_default_cub2011.py'

model = dict(
    backbone=dict(
        architecture='resnet50_nl:1,6,6,3',
        init_cfg=dict(checkpoint='work_dirs/classifier_r50_child', architecture='resnet50:1,6,6,3'),
    )
)
