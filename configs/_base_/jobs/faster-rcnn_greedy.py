"""Block allocation on Faster R-CNN, COCO (Sec. 4.1), around any backbone: the supernet that was
trained on the source is fine-tuned here, then the networks of every size are found."""

_base_ = ['mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', '../greedy_mmdet.py']

_base_.greedy.default_hooks.remap = dict(
    type='mmtransfer.RemapHook', initialise=['neck.', 'rpn_head.', 'roi_head.']
)
globals().update(_base_.greedy)
auto_scale_lr = dict(enable=False, base_batch_size=64)  # 32 processes
