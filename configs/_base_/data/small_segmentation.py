"""A small segmentation set in folders. camvid.py and toy_cityscapes.py add where it lies, its
classes and the size of its images."""

load_image = dict(type='LoadImageFromFile')
load_map = dict(type='LoadAnnotations')
enlarge = dict(type='RandomResize', ratio_range=(0.75, 1.5), keep_ratio=True)
flip = dict(type='RandomFlip', prob=0.5)
pack = dict(type='PackSegInputs')
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,  # one image alone has no statistics where the head pools
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='BaseSegDataset', reduce_zero_label=False),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='BaseSegDataset', reduce_zero_label=False, test_mode=True),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
