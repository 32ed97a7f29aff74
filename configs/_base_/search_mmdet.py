"""What a search replaces in a config of mmdet, and its hooks.

A base of mmdet that sets ``custom_hooks`` itself goes with search_settings.py instead.
"""

_base_ = './search_settings.py'

custom_hooks = [dict(type='mmtransfer.SearchLogHook'), dict(type='mmtransfer.CheckRunHook')]
