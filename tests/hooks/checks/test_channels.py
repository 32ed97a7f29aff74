import pytest
from mmdet.models.necks import CTResNetNeck
from torch import nn

from mmtransfer.hooks.checks.channels import ChannelsError, check_channels


class Part(nn.Module):
    def __init__(self, **attributes):
        super().__init__()
        self.__dict__.update(attributes)


def model(channels, **parts):
    whole = nn.Module()
    whole.backbone = Part(out_channels=channels, out_indices=(1, 2))
    for name, attributes in parts.items():
        listed = isinstance(attributes, list)
        module = nn.ModuleList([Part(**a) for a in attributes]) if listed else Part(**attributes)
        setattr(whole, name, module)
    return whole


@pytest.mark.parametrize(
    'parts',
    [
        dict(neck=dict(in_channels=[24, 32]), bbox_head=dict(in_channels=256)),
        dict(decode_head=dict(in_channels=32, in_index=-1)),
        dict(decode_head=dict(in_channels=24, in_index=0)),
        dict(decode_head=dict(in_channels=[32, 24], in_index=[1, 0])),
        dict(head=dict(in_channels=32)),
        dict(head=dict()),
        dict(decode_head=dict(in_channels=56, in_index=[0, 1])),  # joined: mmseg's resize_concat
        dict(decode_head=dict(), auxiliary_head=[dict(in_channels=24, in_index=0), dict()]),
        dict(neck=[dict(in_channels=[24, 32]), dict(in_channels=256)]),
        dict(neck=dict(), bbox_head=dict(in_channels=256)),  # what reads the neck is not known
    ],
)
def test_fitting_readers_pass(parts):
    check_channels(model([24, 32], **parts))


@pytest.mark.parametrize(
    'parts',
    [
        dict(neck=dict(in_channels=[24, 96])),
        dict(neck=dict(in_channels=[24])),
        dict(decode_head=dict(in_channels=24, in_index=-1)),
        dict(head=dict(in_channels=320)),
    ],
)
def test_a_misfit_names_both_and_the_repair(parts):
    name = next(iter(parts))
    with pytest.raises(ChannelsError) as error:
        check_channels(model([24, 32], **parts))
    text = str(error.value)
    assert f'{name}.in_channels' in text and str(parts[name]['in_channels']) in text
    assert 'model.backbone.out_indices' in text and '32' in text


@pytest.mark.parametrize(
    ('parts', 'key'),
    [
        (
            dict(decode_head=dict(), auxiliary_head=dict(in_channels=96, in_index=0)),
            'model.auxiliary_head.in_channels=24',
        ),
        (
            dict(
                decode_head=dict(in_channels=32),
                auxiliary_head=[dict(in_channels=24, in_index=0), dict(in_channels=24, in_index=1)],
            ),
            'model.auxiliary_head.1.in_channels=32',
        ),
        (dict(rpn_head=dict(in_channels=8), roi_head=dict()), 'model.rpn_head.in_channels=32'),
        (dict(neck=[dict(in_channels=[24, 96]), dict()]), r'model.neck.0.in_channels=\[24, 32\]'),
        (
            dict(decode_head=dict(in_channels=64, in_index=[0, 1])),
            r'model.decode_head.in_channels=\[24, 32\]',
        ),
    ],
)
def test_every_reader_is_looked_at(parts, key):
    with pytest.raises(ChannelsError, match=f'Set {key} or change model.backbone.out_indices'):
        check_channels(model([24, 32], **parts))


def test_a_neck_that_overwrites_what_it_says():
    """CenterNet's ends with 64 in its in_channels, whatever it reads."""
    whole = model([24, 32])
    whole.neck = CTResNetNeck(32, (256, 64), (4, 4), use_dcn=False)
    assert whole.neck.in_channels == 64
    check_channels(whole)
    whole.neck = CTResNetNeck(512, (256, 64), (4, 4), use_dcn=False)
    with pytest.raises(ChannelsError, match='received 512. Set model.neck.in_channels=32 or'):
        check_channels(whole)


def test_a_detector_within_a_wrapper():
    """mmdet's semi-supervised models hold one as student and as teacher."""
    whole = nn.Module()
    whole.student = model([24, 32], neck=dict(in_channels=[24, 96]))
    with pytest.raises(ChannelsError, match=r'Set model.detector.neck.in_channels=\[24, 32\]'):
        check_channels(whole)


@pytest.mark.parametrize('index', [2, -3, [0, 2]])
def test_a_feature_that_is_not_there_is_named(index):
    channels = 24 if isinstance(index, int) else [24, 32]
    with pytest.raises(ChannelsError, match=r'decode_head\.in_index .* 2 of \[24, 32\] channels'):
        check_channels(model([24, 32], decode_head=dict(in_channels=channels, in_index=index)))


def test_backbones_that_do_not_say_are_left_alone():
    whole = nn.Module()
    whole.backbone = Part()
    whole.neck = Part(in_channels=[1])
    check_channels(whole)
