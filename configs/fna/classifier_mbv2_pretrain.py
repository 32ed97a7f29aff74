"""ImageNet pretraining of the network that deeplabv3_mbv2_search.py found (FNA++, Table 13, row 6).

The paper names no schedule; this is mmpretrain's of MobileNetV2.
"""

_base_ = ['../_base_/classifier.py', '../_base_/data/imagenet.py']

model = dict(
    backbone=dict(
        type='mmtransfer.AdaptedBackbone',
        architecture='work_dirs/deeplabv3_mbv2_search/architecture.json',
        out_indices=(6,),
    )
)
train_dataloader = dict(batch_size=32)  # batch 256: 8 processes
train_cfg = dict(max_epochs=300)
optim_wrapper = dict(optimizer=dict(lr=0.045, weight_decay=4e-5))
param_scheduler = [dict(type='StepLR', by_epoch=True, step_size=1, gamma=0.98)]
auto_scale_lr = dict(enable=False, base_batch_size=256)
