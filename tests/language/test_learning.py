"""A small SpikeGPT learns what the paper's blocks must be able to: to remember, and a grammar."""

from __future__ import annotations

import math

import torch

from snn.language import SpikeGPT
from snn.train import LOSSES

LOSS = LOSSES.find("next_token")


def train(model, draw, steps, lr, batch):
    """Train on drawn tokens and labels, [T, B] each."""
    optimizer = torch.optim.Adam(model.parameters(), lr, (0.9, 0.99))
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = lr * min(1, (step + 1) / 20) * (1 - step / steps)
        x, label = draw()
        loss = LOSS.per_sample(model(x)[0], torch.full((batch,), len(x)), label).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model.eval()


def test_what_was_eight_tokens_ago_is_copied():
    torch.manual_seed(0)
    model = SpikeGPT(4, 2, 64, dropout=0.0)

    def draw():
        x = torch.randint(4, (32, 24))
        return x, torch.cat([torch.full((8, 24), -100), x[:-8]])

    train(model, draw, 800, 1.5e-2, 24)
    x, label = draw()
    with torch.no_grad():
        right = model(x)[0].argmax(-1) == label
    assert right[8:].double().mean() > 0.99


def test_a_grammar_is_learned_beyond_its_pairs():
    """Words of a small dictionary one after another: pairs of letters say less than the word so far."""
    generator = torch.Generator().manual_seed(0)
    words = [torch.randint(97, 105, (5,), generator=generator) for _ in range(12)]
    text = torch.cat([words[i] for i in torch.randint(12, (13_000,), generator=generator)])[: 1 << 16]
    pairs = torch.zeros(256, 256, dtype=torch.float64)
    pairs.index_put_((text[:-1], text[1:]), torch.ones(1, dtype=torch.float64), accumulate=True)
    shares = pairs / pairs.sum(1, keepdim=True).clamp(min=1)
    entropy = -(pairs * shares.clamp(min=1e-12).log2()).sum().item() / (len(text) - 1)

    torch.manual_seed(0)
    train_part, test = text[: len(text) * 9 // 10], text[len(text) * 9 // 10 :]

    def draw():
        starts = torch.randint(len(train_part) - 65, (16,))
        windows = train_part[starts[None] + torch.arange(65)[:, None]]
        return windows[:-1], windows[1:]

    model = train(SpikeGPT(256, 2, 64), draw, 120, 5e-3, 16)
    with torch.no_grad():
        y, _ = model(test[:-1, None])
    bits = torch.nn.functional.cross_entropy(y[:, 0], test[1:]).item() / math.log(2)
    assert bits < entropy - 0.2
