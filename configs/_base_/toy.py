"""The generated shapes of tools/make_toy_data.py, COCO format, 160 x 160; data/toy holds them."""

_base_ = './small_coco.py'

data_root = 'data/toy/'
metainfo = dict(classes=('disc', 'square', 'triangle'))
image_size = (160, 160)

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
