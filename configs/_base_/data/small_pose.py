"""A small set of people, or of what stands for them, at 128 x 128. lsp.py and toy_mpii.py add where
it lies and what it is."""

codec = dict(type='MSRAHeatmap', input_size=(128, 128), heatmap_size=(32, 32), sigma=1.5)

move = dict(type='RandomBBoxTransform', shift_prob=0)
cut = dict(type='TopdownAffine', input_size=codec['input_size'])
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    move,
    cut,
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    cut,
    dict(type='PackPoseInputs'),
]
part = dict(data_mode='topdown', data_prefix=dict(img='images/'))
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(part, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=20,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(part, test_mode=True, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
