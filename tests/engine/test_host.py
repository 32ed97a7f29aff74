import torch

from mmtransfer.engine.host import on_host, together


def test_vectors_are_read_with_the_scalars_at_once_and_exactly(monkeypatch):
    calls, cpu = [], torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, 'cpu', lambda t: calls.append(1) or cpu(t))
    vectors = dict(
        a=torch.rand(()), b=torch.rand(3, requires_grad=True), c=torch.rand(2).bfloat16()
    )
    loss = torch.rand(())
    values, found = together(dict(loss=loss, name='x'), vectors)
    assert len(calls) == 1 and values == dict(loss=loss, name='x')
    assert found == {name: t.detach().reshape(-1).tolist() for name, t in vectors.items()}


def test_scalars_are_copied_at_once_and_the_rest_stays(monkeypatch):
    calls, cpu = [], torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, 'cpu', lambda t: calls.append(1) or cpu(t))
    values = dict(loss=torch.rand((), requires_grad=True), acc=torch.rand(1), map=torch.rand(2))
    found = on_host(dict(values, name='x'))
    assert len(calls) == 1 and list(found) == ['loss', 'acc', 'map', 'name']
    assert found['loss'] == values['loss'] and found['acc'] == values['acc'][0]
    assert found['map'] is values['map'] and not found['loss'].requires_grad
    assert on_host({}) == {}
