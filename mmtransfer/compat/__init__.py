"""Remedies for faults of the stack below us. Each says what it mends and does nothing where the
fault is absent; none edits an installed package."""

from mmtransfer.checkpoints.plain import register_for_mmengine
from mmtransfer.compat.checkpoint_loaders import mend_checkpoint_loaders
from mmtransfer.compat.data_sets import mend_data_sets
from mmtransfer.compat.distributed import end_distributed, init_distributed
from mmtransfer.compat.features import MissingFeatureError, check_features
from mmtransfer.compat.joined_data import mend_joined_data
from mmtransfer.compat.loaders import mend_loaders
from mmtransfer.compat.memory_layouts import mend_memory_layouts
from mmtransfer.compat.own_configs import find_own_configs
from mmtransfer.compat.pkg_resources import quiet_pkg_resources
from mmtransfer.compat.simcc_vis import stub_simcc_vis
from mmtransfer.compat.ssd_head import give_ssd_head_its_loss
from mmtransfer.compat.toolbox_names import name_toolboxes_by_module

__all__ = [
    'MissingFeatureError',
    'apply',
    'apply_remedies',
    'check_features',
    'end_distributed',
    'init_distributed',
]


def apply() -> None:
    """See that nothing is missing, then run every remedy; safe to call more than once."""
    check_features()
    apply_remedies()


def apply_remedies() -> None:
    """Run every remedy. Importing ``mmtransfer.registry`` does, so that they hold in every
    program whose config names a type of ours; no toolbox is imported for it."""
    register_for_mmengine()
    mend_checkpoint_loaders()
    name_toolboxes_by_module()
    find_own_configs()
    stub_simcc_vis()
    give_ssd_head_its_loss()
    mend_memory_layouts()
    quiet_pkg_resources()
    mend_data_sets()
    mend_joined_data()
    mend_loaders()
