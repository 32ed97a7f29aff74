"""Hooks of MMEngine's: checkpoints, remapping, statistics, logs, checks before the first step."""

from mmtransfer.hooks.chain_report import ChainReportHook
from mmtransfer.hooks.checkpoint import CheckpointHook
from mmtransfer.hooks.checks import (
    CheckChannelsHook,
    CheckClassesHook,
    CheckHeadBoxesHook,
    CheckRunHook,
    CheckScheduleHook,
)
from mmtransfer.hooks.remap import RemapHook
from mmtransfer.hooks.sample_path import SamplePathHook
from mmtransfer.hooks.search_log import SearchLogHook
from mmtransfer.hooks.statistics import AverageStatisticsHook, ReestimateBNHook

__all__ = [
    'AverageStatisticsHook',
    'ChainReportHook',
    'CheckChannelsHook',
    'CheckClassesHook',
    'CheckHeadBoxesHook',
    'CheckRunHook',
    'CheckScheduleHook',
    'CheckpointHook',
    'ReestimateBNHook',
    'RemapHook',
    'SamplePathHook',
    'SearchLogHook',
]
