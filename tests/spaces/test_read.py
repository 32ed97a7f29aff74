"""From what a config holds to a checked architecture."""

import json
import random
from pathlib import Path

import pytest

from mmtransfer.architecture import ArchitectureError
from mmtransfer.space import SpaceError
from mmtransfer.spaces import (
    allocation,
    mbconv_space,
    network,
    read_architecture,
    seed_architecture,
    space_of,
)

RELEASED = Path(__file__).parents[2] / 'configs/fna/architectures/retinanet_mbv2_fna.json'
A = mbconv_space('efficientnet_lite0', min_layers=2).sample(random.Random(3))


def edited(path, **changes) -> str:
    data = json.loads(A.to_json())
    path.write_text(json.dumps({**data, **changes}))
    return str(path)


def test_every_source_gives_the_same(tmp_path):
    a = A.replace(cost={'madds': 5}, input_size=(8, 9), output_stride=16, provenance={'x': 'y'})
    a.write(tmp_path / 'a.json')
    content = json.loads(a.to_json())
    for source in (a, content, tmp_path / 'a.json', str(tmp_path / 'a.json')):
        found = read_architecture(source)
        assert vars(found) == vars(a)
    assert read_architecture('mobilenet_v2') == seed_architecture('mobilenet_v2')


def test_a_seed_with_its_blocks():
    found = read_architecture('resnet50:1,3,7,5')
    assert found == allocation('resnet50', [1, 3, 7, 5])
    assert [len(stage) for stage in network(found).stages] == [1, 3, 7, 5]
    with pytest.raises(ArchitectureError, match='must read like resnet50:1,3,7,5; received'):
        read_architecture('resnet50:1,3,x,5')
    with pytest.raises(SpaceError, match='at least 1 for each of the 4 stages'):
        read_architecture('resnet50:1,3,7')


@pytest.mark.parametrize('source', [5, None, [1, 3, 7, 5]])
def test_what_is_no_source(source):
    with pytest.raises(ArchitectureError, match='name of a seed, or as the path') as caught:
        read_architecture(source)
    assert str(caught.value).endswith(f'received {source!r}.')


def test_the_file_alone_rebuilds_space_and_network():
    assert space_of(A) == mbconv_space('efficientnet_lite0', min_layers=2)
    assert space_of(A).rule == A.rule
    assert len(network(A).stages) == 7


def test_options_in_another_order_are_put_right(tmp_path):
    options = dict(reversed(A.options))
    assert read_architecture(edited(tmp_path / 'a.json', options=options)).options == A.options


def test_the_released_fna_architecture():
    net = network(read_architecture(RELEASED))
    ops = [' '.join(layer.op.text for layer in stage) for stage in net.stages]
    assert ops == [
        'k3e1',
        'k3e6 k3e6',
        'k7e6 k5e6',
        'k3e6 k5e6 k7e6 k3e6',
        'k5e6 k7e6',
        'k7e6 k7e6 k7e3 k7e6',
        'k7e6',
    ]
    a = read_architecture(RELEASED)
    assert a.input_size == (800, 1088) and a.provenance['source']
    # 133.0297 G published in all, less 11.0023 G of the neck and 117.2040 G of the head.
    assert abs(a.cost['madds'] / 1e9 - (133.0297 - 11.0023 - 117.2040)) < 2e-4


def test_missing_file_says_to_run_the_search():
    with pytest.raises(ArchitectureError) as caught:
        read_architecture('work_dirs/x/architecture.json')
    text = str(caught.value)
    assert "'work_dirs/x/architecture.json'" in text
    assert 'python tools/train.py <search config>' in text
    assert 'The seeds mobilenet_v2, efficientnet_lite0' in text and 'need no file' in text


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        (
            {'options': {**A.as_dict, 'stage2.layer0': 'k9e6'}},
            "'stage2.layer0' must be one of k3e3, k3e6, k5e3, k5e6, k7e3, k7e6; received 'k9e6'",
        ),
        ({'options': {**A.as_dict, 'stage9.layer0': 'k3e3'}}, 'unknown choices: stage9.layer0'),
        ({'options': {'stage1.layer0': 'k3e3'}}, 'missing choices: stage1.layer1'),
        (
            {'options': {n: o if n.endswith('0') else 'skip' for n, o in A.options}},
            "constraint .* violated: at least 2 of stage1.layer0, .* must not be 'skip'; 1 are not",
        ),
        ({'space': 'resnet'}, "space must be one of mbconv, residual, depth; received 'resnet'"),
        ({'seed': 'vgg16'}, "one of mobilenet_v2, efficientnet_lite0, .*; received 'vgg16'"),
        ({'seed': 'resnet50'}, 'needs a seed of MBConv blocks; resnet50 is made of bottleneck'),
        ({'seed': 'mobilenet_v2'}, 'of a space with fingerprint .* restore them, or derive'),
        (
            {'fingerprint': '0' * 16},
            'has the fingerprint .* space with fingerprint 0000000000000000',
        ),
        ({'rule': {'min_layers': 3}}, 'has the fingerprint'),
        ({'rule': {'depth': 3}}, 'takes layers, kernels, expansions'),
        ({'rule': {'layers': 4}}, 'takes layers, kernels, expansions'),
        ({'rule': {'layers': [4]}}, 'each of the 6 searched stages'),
        ({'format': 7}, 'must be of format 1; received format 7'),
    ],
)
def test_files_of_other_spaces_and_versions(tmp_path, changes, words):
    path = edited(tmp_path / 'bad.json', **changes)
    with pytest.raises(ArchitectureError, match=words) as caught:
        read_architecture(path)
    assert str(caught.value).startswith(path)


def test_space_errors_name_where_they_come_from():
    with pytest.raises(SpaceError, match='^the architecture in the config: '):
        read_architecture({**json.loads(A.to_json()), 'fingerprint': 'x'})
    with pytest.raises(SpaceError, match='^the architecture: '):
        read_architecture(A.replace(fingerprint='x'))
    with pytest.raises(ArchitectureError, match="architecture in the config .* unknown: 'type'"):
        read_architecture({**json.loads(A.to_json()), 'type': 'x'})
