"""The log of a search."""

from mmtransfer.hooks.search_log import SearchLogHook


def test_it_has_no_part_in_validations_and_tests():
    """What they run is said by the loop or the checkpoint, whether a search is logged or not."""
    stages = SearchLogHook().get_triggered_stages()
    assert sorted(stages) == ['after_train', 'after_train_epoch', 'before_run']
