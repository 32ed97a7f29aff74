"""BCCD, blood cells in microscope images (205 train, 87 val, 72 test), at 192 x 144; data/bccd
holds it."""

_base_ = './small_coco.py'

data_root = 'data/bccd/'
metainfo = dict(classes=('RBC', 'WBC', 'Platelets'))
image_size = (192, 144)  # (W, H) of the longest and the shortest side

resize = dict(type='Resize', scale=image_size, keep_ratio=True)
train_pipeline = [_base_.load_image, _base_.load_boxes, resize, _base_.flip, _base_.pack]
test_pipeline = [_base_.load_image, resize, _base_.load_boxes, _base_.pack_for_test]
part = dict(data_root=data_root, metainfo=metainfo)
train_dataloader = dict(dataset=dict(part, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(part, pipeline=test_pipeline))
test_dataloader = val_dataloader  # but for the annotations, which the base names
val_evaluator = dict(ann_file=data_root + 'annotations/val.json')
test_evaluator = dict(ann_file=data_root + 'annotations/test.json')
