"""Mask R-CNN on the allocation of ResNet-101's size that the paper found (Table 5).

A search finds one with faster-rcnn_r50_greedy.py and train_cfg.searcher.blocks=33.
"""

_base_ = './mask-rcnn_r50_child.py'

model = dict(backbone=dict(blocks=[2, 5, 19, 7]))
default_hooks = dict(remap=dict(checkpoint='work_dirs/classifier_r101_child'))
