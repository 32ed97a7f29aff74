"""The generated shapes of tools/make_toy_data.py, COCO format, 160 x 160; data/toy holds them."""

_base_ = './small_coco.py'

data_root = 'data/toy/'
metainfo = dict(classes=('disc', 'square', 'triangle'))
image_size = (160, 160)

resize = dict(type='Resize', scale=image_size, keep_ratio=True)
train_pipeline = [_base_.load_image, _base_.load_boxes, resize, _base_.flip, _base_.pack]
test_pipeline = [_base_.load_image, resize, _base_.load_boxes, _base_.pack_for_test]
part = dict(data_root=data_root, metainfo=metainfo)
train_dataloader = dict(dataset=dict(part, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(part, pipeline=test_pipeline))
test_dataloader = val_dataloader  # but for the annotations, which the base names
val_evaluator = dict(ann_file=data_root + 'annotations/val.json')
test_evaluator = dict(ann_file=data_root + 'annotations/test.json')
