import torch

from mmtransfer.engine.host import numbers, on_host


def test_numbers_are_read_at_once_and_exactly(monkeypatch):
    calls, tolist = [], torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, 'tolist', lambda t: calls.append(1) or tolist(t))
    tensors = [torch.rand(()), torch.rand(3, requires_grad=True), torch.rand(2, 2).bfloat16()]
    found = numbers(tensors)
    assert len(calls) == 1
    assert found == [t.detach().reshape(-1).tolist() for t in tensors]


def test_scalars_are_copied_at_once_and_the_rest_stays(monkeypatch):
    calls, cpu = [], torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, 'cpu', lambda t: calls.append(1) or cpu(t))
    values = dict(loss=torch.rand((), requires_grad=True), acc=torch.rand(1), map=torch.rand(2))
    found = on_host(dict(values, name='x'))
    assert len(calls) == 1 and list(found) == ['loss', 'acc', 'map', 'name']
    assert found['loss'] == values['loss'] and found['acc'] == values['acc'][0]
    assert found['map'] is values['map'] and not found['loss'].requires_grad
    assert on_host({}) == {}
