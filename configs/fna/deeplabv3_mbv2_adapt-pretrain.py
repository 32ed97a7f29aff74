"""Ablation: the adapted network was pretrained on ImageNet by classifier_mbv2_pretrain.py (FNA++,
Table 13, row 6)."""

_base_ = './deeplabv3_mbv2_adapt.py'

pretrained = dict(checkpoint='work_dirs/classifier_mbv2_pretrain', initialise=['decode_head.'])
default_hooks = dict(remap=pretrained)
