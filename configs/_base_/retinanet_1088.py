"""mmdet's RetinaNet on COCO with FNA++'s images (Sec. 4.2), the long side at most 1088."""

_base_ = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'

image_size = (1088, 800)
train_pipeline, test_pipeline = (
    [dict(t, scale=image_size) if t.type == 'Resize' else t for t in pipeline]
    for pipeline in (_base_.train_pipeline, _base_.test_pipeline)
)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
