"""The loss of the next token: its value is the cross-entropy, its gradient has the pull on the largest logit."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import snn
from snn.language import SpikeGPT, next_token_loss
from snn.train import LOSSES, TrainConfig
from snn.train.methods import accumulate


def batch(steps=5, samples=3, vocab=7):
    torch.manual_seed(0)
    y = torch.randn(steps, samples, vocab, dtype=torch.float64) * 3
    label = torch.randint(vocab, (steps, samples))
    label[1, 0] = -100
    y[2, 0] = torch.tensor([1.0, 4, 4, 0, 4, 0, 0])  # the first of equals is pulled
    return y, torch.tensor([5, 3, 4]), label


def test_value_and_gradient_are_as_written():
    y, lengths, label = batch()
    y.requires_grad_()
    loss = LOSSES.find("next_token").per_sample(y, lengths, label)
    loss.mean().backward()
    due, values = np.zeros(y.shape), np.zeros(3)
    for b in range(3):
        for t in range(lengths[b]):
            if label[t, b] == -100:
                continue
            row = y.detach().numpy()[t, b]
            p = np.exp(row - row.max())
            p /= p.sum()
            values[b] -= np.log(p[label[t, b]]) / lengths[b]
            p[label[t, b]] -= 1
            p[row.argmax()] += 1e-4 * row.max()
            due[t, b] = p / (3 * lengths[b])
    assert np.allclose(loss.detach().numpy(), values, atol=1e-12)
    assert np.allclose(y.grad.numpy(), due, atol=1e-14)


def test_without_a_penalty_it_is_the_cross_entropy():
    y, lengths, label = batch()
    plain = LOSSES.find("step_cross_entropy").per_sample(y, lengths, label)
    for loss in (next_token_loss(0.0), next_token_loss(3.0)):
        assert torch.equal(loss.per_sample(y, lengths, label), plain)
        assert torch.allclose(loss.per_sample(y.clone().requires_grad_(), lengths, label), plain)
    with pytest.raises(ValueError, match="penalty must be"):
        next_token_loss(-1.0)


def test_the_penalty_is_part_of_the_loss_whatever_parts_a_batch_is_run_in():
    torch.manual_seed(0)
    model = SpikeGPT(7, 2, 8, "none", initial="torch", dropout=0.0).double()
    with torch.no_grad():
        model.head.weight *= 50
    x, label = torch.randint(7, (6, 4)), torch.randint(7, (6, 4))
    found = []
    for settings in ({}, {"accumulate": 4}, {"chunk": 2, "recompute": True}, {"chunk": 6}):
        model.zero_grad()
        config = TrainConfig(loss="next_token", batch_size=4, min_batch=1, select="loss", **settings)
        accumulate(model, x, torch.full((4,), 6), label, config)
        found.append({name: part.grad.clone() for name, part in model.named_parameters()})
    for other in found[1:]:
        assert all((other[name] - g).abs().max() < 1e-12 for name, g in found[0].items())


class Texts:
    """Random text as `fit` takes it."""

    def __len__(self):
        return 8

    def batches(self, batch_size, *, seed=None, min_batch=1):
        x = torch.arange(8 * 10).reshape(10, 8) % 7
        yield SimpleNamespace(x=x[:-1].numpy(), lengths=np.full(8, 9), label=x[1:].numpy())


def test_a_model_is_fitted_and_step_local_training_is_refused():
    torch.manual_seed(0)
    model = SpikeGPT(7, 1, 16)
    config = TrainConfig(
        epochs=25, loss="next_token", batch_size=8, min_batch=1, select="loss", lr=0.02, weight_decay=0.0
    )
    result = snn.train.fit(model, Texts(), Texts(), config)
    assert result.selected["valid_loss"] < 0.5 * np.log(7)
    with pytest.raises(ValueError, match="method must be 'bptt'.*got 'sltt'"):
        snn.train.fit(model, Texts(), Texts(), TrainConfig(
            epochs=1, loss="next_token", batch_size=8, min_batch=1, select="loss", method="sltt"))  # fmt: skip


def test_truncated_gradients_are_those_of_pieces_each_from_the_state_before():
    torch.manual_seed(0)
    model = SpikeGPT(7, 2, 8, initial="torch", dropout=0.0).double()
    x, label = torch.randint(7, (6, 4)), torch.randint(7, (6, 4))
    config = TrainConfig(loss="next_token", batch_size=4, min_batch=1, select="loss", chunk=2)
    snn.train.backward(model, x, torch.full((4,), 6), label, config)
    found = {name: part.grad.clone() for name, part in model.named_parameters()}
    model.zero_grad()
    loss, state = LOSSES.find("next_token"), None
    for start in (0, 2, 4):
        y, state = model(x[start : start + 2], state)
        state = torch.utils._pytree.tree_map(torch.Tensor.detach, state)
        (loss.per_sample(y, torch.full((4,), 2), label[start : start + 2]).mean() / 3).backward()
    for name, part in model.named_parameters():
        assert (found[name] - part.grad).abs().max() < 1e-12
