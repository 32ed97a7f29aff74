"""The supernet of classifier_r50_supernet.py, fine-tuned on CUB-200-2010, then the best allocation
of every size up to ResNet-50's 16 blocks (Sec. 4.2)."""

_base_ = './classifier_r50_greedy_cub2011.py'

# data/cub_200_2010 holds images/ and the published lists/.
train_dataloader = dict(dataset=dict(data_root='data/cub_200_2010', ann_file='lists/train.txt'))
val_dataloader = dict(dataset=dict(data_root='data/cub_200_2010', ann_file='lists/test.txt'))
test_dataloader = val_dataloader
