"""ResNet-50 with a non-local module on the found allocation (Table 3), on CUB-200-2011 from the
same training on the source as classifier_r50_child_cub2011.py."""

_base_ = './classifier_r50nl_default_cub2011.py'

model = dict(
    backbone=dict(
        blocks=[1, 6, 6, 3],
        init_cfg=dict(
            checkpoint='work_dirs/classifier_r50_child_1663', architecture='resnet50:1,6,6,3'
        ),
    )
)
