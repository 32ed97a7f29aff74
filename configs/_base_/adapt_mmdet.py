"""What a fine-tune replaces in a config of mmdet, and its hooks.

A base of mmdet that sets ``custom_hooks`` itself goes with adapt_settings.py instead.
"""

_base_ = './adapt_settings.py'

custom_hooks = [dict(type='mmtransfer.CheckRunHook')]
