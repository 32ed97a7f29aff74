"""A narrow SimpleBaseline on EfficientNet-Lite0, for people of 128 to 160 pixels and short
schedules. The config gives the head its joints and codec."""

_base_ = ['mmpose::_base_/default_runtime.py', './efflite0.py']

plain = supernet = depth_supernet = dict(out_indices=(6,))
backbone = dict(_base_.plain, **plain)
del backbone['_delete_']  # mmpose's base has no model, so there is nothing to replace

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(_base_.pixels, type='PoseDataPreprocessor'),
    backbone=backbone,
    head=dict(
        type='HeatmapHead',
        in_channels=320,
        deconv_out_channels=(64, 64, 64),
        deconv_kernel_sizes=(4, 4, 4),
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
    ),
    test_cfg=dict(flip_test=False),
)

# For the stage to replace (its settings say _delete_, as for mmpose's own configs).
optim_wrapper = dict()
param_scheduler = []
