"""LSP, 400 people in sports with 14 joints (280 train, 60 val, 60 test), at 128 x 128; data/lsp
holds it. The joints are those of CrowdPose; there are no head boxes, hence PCK by boxes."""

_base_ = './small_pose.py'

part = dict(type='CrowdPoseDataset', data_root='data/lsp/')
train_dataloader = dict(dataset=dict(part, ann_file='annotations/train.json'))
val_dataloader = dict(dataset=dict(part, ann_file='annotations/val.json'))
test_dataloader = dict(dataset=dict(part, ann_file='annotations/test.json'))
# A joint counts as found within a tenth of the longer side of its person's box.
val_evaluator = dict(type='PCKAccuracy', thr=0.1, norm_item='bbox')
test_evaluator = val_evaluator
