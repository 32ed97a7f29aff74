_base_ = './retinanet_mbv2_adapt-seed.py'
train_cfg = dict(max_epochs=24)
param_scheduler = _base_.param_scheduler
param_scheduler[1].milestones = [16, 22]
