"""A backbone in ONNX computes for images of any size what the backbone itself does."""

import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator

from tests.backbones.test_export import ANY_SIZE, SIZES, built, expect, images


@pytest.mark.filterwarnings('ignore:.isinstance.treespec')
def test_onnx():
    """As users write it; the others reach ONNX by the same export."""
    net = built('same')
    program = torch.onnx.export(
        net, (images(SIZES[0]),), dynamic_shapes=ANY_SIZE, dynamo=True, verbose=False
    )
    onnx.checker.check_model(program.model_proto)
    (name,) = (entry.name for entry in program.model_proto.graph.input)
    run = ReferenceEvaluator(program.model_proto).run
    expect(net, lambda x: [torch.from_numpy(y) for y in run(None, {name: x.numpy()})])
