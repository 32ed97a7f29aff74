"""A fine-tune on few people, in a config of mmpose; see adapt_mmpose.py. A config gives the
lengths, which depend on its data."""

_base_ = './adapt_mmpose.py'

warm_up = dict(start_factor=0.1)
reestimate_bn = dict(iterations=25)
adapt = dict(default_hooks=dict(logger=dict(interval=5)))
