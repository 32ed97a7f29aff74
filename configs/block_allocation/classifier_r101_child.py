"""The allocation of ResNet-101's size that the paper found (Sec. 4.1), fine-tuned on the source,
from the supernet of classifier_r50_supernet.py."""

_base_ = './classifier_r50_child.py'

model = dict(backbone=dict(blocks=[2, 5, 19, 7]))
