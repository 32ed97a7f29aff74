_base_ = './retinanet_proxyless_seed.py'
train_cfg = dict(max_epochs=24)
param_scheduler = [_base_.warm_up, dict(_base_.steps, milestones=[16, 22])]
