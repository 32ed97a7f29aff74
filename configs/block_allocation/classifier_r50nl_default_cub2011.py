"""The rival: ResNet-50 with a non-local module (Table 3), from classifier_r50_default.py, on
CUB-200-2011. The module is new here, and the identity at first."""

_base_ = './classifier_r50_default_cub2011.py'

model = dict(
    backbone=dict(
        architecture='resnet50_nl',
        init_cfg=dict(
            type='mmtransfer.Remap',
            checkpoint='work_dirs/classifier_r50_default',
            architecture='resnet50',
        ),
    )
)
del _base_.default_hooks.remap  # which copies equal networks
