"""With an EMAHook one set of weights and logits is derived from, validated, scored and saved."""

import copy
import json

import pytest
import torch
from mmengine.hooks import Hook

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.engine.candidate_phase import FILE
from mmtransfer.registry import HOOKS, MODELS
from mmtransfer.scoring.held_out import digest_weights
from mmtransfer.search import derive, derive_from_checkpoint
from mmtransfer.search.derive import plain_probabilities
from tests.engine.test_candidate_search import candidate_config
from tests.engine.test_search_loop import assert_equal_states, run, tensor_file
from tests.engine.tiny import search_config

SLOW = dict(type='EMAHook', momentum=1e-4)  # averages stay near what they began with


@HOOKS.register_module()
class NotesValidation(Hook):
    """Keeps what the last validation ran with, after an EMAHook has put its weights there."""

    priority = 'LOWEST'

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        NotesValidation.selection = runner.model.backbone.selection
        NotesValidation.state = copy.deepcopy(runner.model.state_dict())


@pytest.mark.parametrize('update_buffers', [False, True])
def test_the_architecture_is_that_of_the_averaged_logits(tmp_path, update_buffers):
    compat.apply()
    config = search_config(tmp_path)
    config.custom_hooks += [
        dict(SLOW, update_buffers=update_buffers), dict(type='mmtransfer.NotesValidation')
    ]  # fmt: skip
    runner = run(copy.deepcopy(config))
    written = Architecture.read(tmp_path / 'architecture.json')
    assert derive_from_checkpoint(config, tmp_path) == written == NotesValidation.selection
    saved = tensor_file(tmp_path / 'iter_6.pth')
    assert_equal_states(saved['state_dict'], NotesValidation.state)
    # The trained logits, which are back in the model, say something else.
    supernet = runner.model.backbone
    assert derive(supernet.space, plain_probabilities(supernet)) != written
    trained = saved['ema_state_dict']['module.backbone.logits.0']
    assert torch.equal(supernet.logits[0], trained)


def test_resuming_goes_on_with_both(tmp_path):
    compat.apply()
    for folder, start in (('whole', None), ('part', 'whole/iter_3.pth')):
        config = search_config(tmp_path / folder)
        config.custom_hooks.append(SLOW)
        if start:
            config.resume, config.load_from = True, str(tmp_path / start)
        run(config)
    ends = [tensor_file(tmp_path / f / 'iter_6.pth') for f in ('whole', 'part')]
    for key in ('state_dict', 'ema_state_dict'):
        assert_equal_states(ends[0][key], ends[1][key])
    assert ends[0]['mmtransfer'] == ends[1]['mmtransfer']


@pytest.mark.parametrize('update_buffers', [False, True])
def test_candidates_are_scored_with_what_is_saved(tmp_path, update_buffers):
    compat.apply()
    config = candidate_config(tmp_path)
    config.custom_hooks += [
        dict(SLOW, update_buffers=update_buffers), dict(type='mmtransfer.NotesValidation')
    ]  # fmt: skip
    run(copy.deepcopy(config))
    saved = tensor_file(tmp_path / 'iter_4.pth')
    model = MODELS.build(config.model)
    model.load_state_dict(saved['state_dict'])
    weights = json.loads((tmp_path / FILE).read_text())['evaluation']['weights']
    assert weights == digest_weights(model)
    written = Architecture.read(tmp_path / 'architecture.json')
    assert NotesValidation.selection == written
    # The statistics too, which are those of the best candidate.
    assert_equal_states(saved['state_dict'], NotesValidation.state)
