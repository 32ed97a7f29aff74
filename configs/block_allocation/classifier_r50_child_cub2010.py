r"""The allocation that the paper found (Table 4), on CUB-200-2010 after the source::

    python tools/train.py configs/block_allocation/classifier_r50_child.py \
        --cfg-options model.backbone.blocks=[1,6,6,3] --work-dir work_dirs/classifier_r50_child_1663
"""

_base_ = './classifier_r50_default_cub2010.py'

model = dict(backbone=dict(blocks=[1, 6, 6, 3], max_blocks=[8, 10, 36, 14]))
default_hooks = dict(remap=dict(checkpoint='work_dirs/classifier_r50_child_1663'))
