import pytest

from mmtransfer import compat
from tests.engine.test_greedy_search import greedy_config
from tests.engine.test_search_loop import run, tensor_file
from tests.engine.tiny import search_config


@pytest.mark.parametrize('enable', [True, False])
def test_the_rate_of_the_logits_does_not_follow_the_batch(tmp_path, enable):
    """Batches of 4 against a base of 8 halve the rate of the weights, 0.02, which a milestone then
    divides by ten; the logits keep 0.05."""
    compat.apply()
    config = search_config(tmp_path)
    config.auto_scale_lr = dict(enable=enable, base_batch_size=8)
    run(config)
    optimizers = tensor_file(tmp_path / 'iter_6.pth')['optimizer']
    rates = {name: state['param_groups'][0]['lr'] for name, state in optimizers.items()}
    assert rates['arch'] == 0.05
    assert rates['weights'] == pytest.approx(0.001 if enable else 0.002, rel=1e-12)


def test_a_search_without_logits_is_scaled_whole(tmp_path):
    compat.apply()
    config = greedy_config(tmp_path)
    config.auto_scale_lr = dict(enable=True, base_batch_size=8)
    run(config)
    optimizers = tensor_file(tmp_path / 'iter_4.pth')['optimizer']
    assert optimizers.keys() == {'weights'}
    assert optimizers['weights']['param_groups'][0]['initial_lr'] == pytest.approx(0.01)
