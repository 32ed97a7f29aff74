"""Generated shapes, each a "person" of 128 x 128, four or so per image; data/toy_mpii holds them:
python tools/make_toy_data.py data/toy_mpii --layout mpii --train 40 --val 15 --test 20"""

_base_ = './small_pose.py'

data_root = 'data/toy_mpii/'
# No rotation: which corner is the upper one would change with it.
move = dict(_base_.move, scale_factor=(0.75, 1.25), rotate_prob=0)
train_pipeline = [move if t.type == move['type'] else t for t in _base_.train_pipeline]
part = dict(type='MpiiDataset', data_root=data_root)
train_dataloader = dict(
    dataset=dict(part, ann_file='annotations/mpii_train.json', pipeline=train_pipeline)
)
val_dataloader = dict(
    dataset=dict(
        part,
        ann_file='annotations/mpii_val.json',
        headbox_file=data_root + 'annotations/mpii_gt_val.mat',
    )
)
test_dataloader = dict(
    dataset=dict(
        part,
        ann_file='annotations/mpii_test.json',
        headbox_file=data_root + 'annotations/mpii_gt_test.mat',
    )
)
val_evaluator = dict(type='MpiiPCKAccuracy')
test_evaluator = val_evaluator
