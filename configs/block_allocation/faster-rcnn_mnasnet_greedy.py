"""Block allocation on Faster R-CNN, MnasNet-b0, COCO (Sec. 4.1): the supernet of
classifier_mnasnet_supernet.py is fine-tuned here, then the networks of every size are found."""

_base_ = ['../_base_/jobs/faster-rcnn_greedy.py', '../_base_/depth_mnasnet.py']

model = dict(backbone=_base_.supernet, neck=dict(in_channels=_base_.channels))
# Multiply-adds of the network that the paper found, 1.8 % above the seed's 293_065_472 (Table 1).
train_cfg = dict(searcher=dict(target=298_352_768))
default_hooks = dict(remap=dict(checkpoint='work_dirs/classifier_mnasnet_supernet'))
