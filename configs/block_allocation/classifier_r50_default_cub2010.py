"""The rival: the plain ResNet-50, trained by classifier_r50_default.py, fine-tuned on
CUB-200-2010."""

_base_ = './classifier_r50_default_cub2011.py'

# data/cub_200_2010 holds images/ and the published lists/.
train_dataloader = dict(dataset=dict(data_root='data/cub_200_2010', ann_file='lists/train.txt'))
val_dataloader = dict(dataset=dict(data_root='data/cub_200_2010', ann_file='lists/test.txt'))
test_dataloader = val_dataloader
