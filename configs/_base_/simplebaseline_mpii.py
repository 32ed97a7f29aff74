"""mmpose's SimpleBaseline on MPII with its authors' own augmentation; mmpose's default is
stronger."""

_base_ = 'mmpose::body_2d_keypoint/topdown_heatmap/mpii/td-hm_res50_8xb64-210e_mpii-256x256.py'

train_pipeline = [
    dict(t, scale_factor=(0.75, 1.25), rotate_factor=60) if t.type == 'RandomBBoxTransform' else t
    for t in _base_.train_pipeline
]
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
auto_scale_lr = dict(enable=False, base_batch_size=32)
