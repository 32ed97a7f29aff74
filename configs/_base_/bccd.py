"""BCCD, blood cells in microscope images (205 train, 87 val, 72 test), at 192 x 144; data/bccd
holds it."""

_base_ = './small_coco.py'

data_root = 'data/bccd/'
metainfo = dict(classes=('RBC', 'WBC', 'Platelets'))
image_size = (192, 144)  # (W, H) of the longest and the shortest side

train_pipeline = _base_.train_pipeline
train_pipeline[2].scale = image_size
test_pipeline = _base_.test_pipeline
test_pipeline[1].scale = image_size
train_dataloader = dict(
    dataset=dict(data_root=data_root, metainfo=metainfo, pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(data_root=data_root, metainfo=metainfo, pipeline=test_pipeline))
test_dataloader = val_dataloader  # but for the annotations, which the base names
val_evaluator = dict(ann_file=data_root + 'annotations/val.json')
test_evaluator = dict(ann_file=data_root + 'annotations/test.json')
