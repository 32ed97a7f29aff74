import logging

import pytest
import torch

from mmtransfer.checkpoints.errors import CheckpointError
from mmtransfer.checkpoints.tensors import check_values, load_tensors

TENSORS = {'a.weight': torch.randn(4, 4), 'b': torch.tensor(3)}


def load(tmp_path, content, **where):
    torch.save(content, tmp_path / 'x.pth')
    return load_tensors(tmp_path / 'x.pth', **where)


def expect(found):
    assert list(found) == list(TENSORS)
    assert all(torch.equal(found[n], TENSORS[n]) for n in TENSORS)


@pytest.mark.parametrize('before', ['', 'module.', '_orig_mod.', 'module._orig_mod.module.'])
def test_tensors_come_back_from_every_wrapper(tmp_path, before):
    named = {before + name: tensor for name, tensor in TENSORS.items()}
    for content in (
        named,
        {'state_dict': named, 'meta': {'epoch': 3}},
        {'model': named},
        {'model_state_dict': named, 'optimizer': {'state': {}}},
    ):
        expect(load(tmp_path, content))


def test_a_part_that_was_compiled(tmp_path):
    found = load(tmp_path, {'backbone._orig_mod.conv.weight': torch.ones(1)})
    assert list(found) == ['backbone.conv.weight']


def test_key_and_prefix(tmp_path):
    inside = {f'module.backbone.{n}': t for n, t in TENSORS.items()} | {'head.w': torch.ones(1)}
    content = {'student': {'x': torch.zeros(1)}, 'teacher': inside, 'epoch': 3}
    for prefix in ('backbone', 'backbone.'):
        expect(load(tmp_path, content, key='teacher', prefix=prefix))
    expect(load(tmp_path, {'state_dict': {**inside, 'epoch': 3}}, prefix='backbone.'))
    with pytest.raises(CheckpointError, match="'student', 'teacher'; set key"):
        load(tmp_path, content)
    with pytest.raises(CheckpointError, match="'ema' is not there.*'student', 'teacher'"):
        load(tmp_path, content, key='ema')
    with pytest.raises(CheckpointError, match="'epoch' is int"):
        load(tmp_path, content, key='epoch')
    with pytest.raises(CheckpointError, match="'neck.' begins none.*begin with backbone, head"):
        load(tmp_path, content, key='teacher', prefix='neck')


def test_names_that_meet_without_their_prefix(tmp_path):
    with pytest.raises(CheckpointError, match='2 tensors of 1 names'):
        load(tmp_path, {'module.a': torch.ones(1), 'a': torch.zeros(1)})


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ({}, 'found nothing'),
        ({'a': torch.ones(2), 'epoch': 3}, "found 'epoch': int"),
        ({'state_dict': {'a': 'b'}}, "found 'a': str"),
    ],
)
def test_not_a_state_dict(tmp_path, content, words):
    with pytest.raises(CheckpointError, match=words):
        load(tmp_path, content)


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ({'model': TENSORS, 'model_ema': TENSORS}, "'model_ema' beside 'model'.*key='model_ema'"),
        ({'state_dict': TENSORS, 'ema_state_dict': TENSORS}, "EMAHook puts .* into 'state_dict'"),
        ({'state_dict': TENSORS, 'schema': TENSORS, 'ema_steps': 3}, None),
    ],
)
def test_averaged_weights_beside_those_taken_are_told(tmp_path, content, words, caplog):
    from mmengine.logging import MMLogger

    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.INFO, logger.name):
        expect(load(tmp_path, content))
    logger.removeHandler(caplog.handler)
    text = ' '.join(record.getMessage() for record in caplog.records)
    if words is None:
        assert 'ema' not in text
    else:
        import re

        assert re.search(words, text)


OWN = {
    'w': torch.zeros(3),
    'half': torch.zeros(2, dtype=torch.float16),
    'n': torch.tensor(0),
    'mask': torch.tensor([0.0, -torch.inf]),
}


@pytest.mark.parametrize(
    ('found', 'words'),
    [
        (dict(w=torch.tensor([0, torch.nan, torch.inf])), 'w holds 2 values that are NaN'),
        (dict(w=torch.tensor([torch.nan])), 'w holds 1 values'),
        (dict(half=torch.tensor([1e30, 1.0])), 'half holds 1 values'),  # beyond its precision
        (dict(mask=torch.tensor([torch.nan, -torch.inf])), 'mask holds 1 values'),
        (dict(w=torch.ones(3).to_sparse()), r'w is not dense \(sparse_coo'),
        (dict(w=torch.ones(3, device='meta')), 'w is not dense .*meta'),
        (dict(w=torch.ones(3, dtype=torch.bool)), 'w is bool, not float'),
        (dict(w=torch.ones(3, dtype=torch.int64)), 'w is int64, not float'),
        (dict(w=torch.ones(3, dtype=torch.complex64)), 'w is complex64, not float'),
        (dict(n=torch.tensor(1j)), 'n is complex64, not int64'),
        (dict(n=torch.tensor(torch.nan)), 'n holds 1 values'),
    ],
)
def test_values_that_cannot_be_used(found, words):
    with pytest.raises(CheckpointError, match=f'{words}.*Nothing was loaded'):
        check_values(found, OWN)


def test_values_that_can_be_used():
    check_values(
        dict(
            w=torch.ones(3, dtype=torch.float64),
            half=torch.ones(2, dtype=torch.bfloat16),
            n=torch.tensor(1.0),
            mask=OWN['mask'].clone(),
            not_in_the_model=torch.tensor(torch.nan),
        ),
        OWN,
    )


def test_the_names_of_the_file_are_told():
    with pytest.raises(CheckpointError, match='tensors of x.pth .*; theirs.w holds 1'):
        check_values(dict(w=torch.tensor([torch.nan])), OWN, dict(w='theirs.w'), 'x.pth')
