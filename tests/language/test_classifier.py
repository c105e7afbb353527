"""Classes of texts: padding on either side changes no bit, and what is learned is the mean over valid tokens."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from plain_language import spiking

import snn
from snn.language import PADDING, Classifier, SpikeGPT, align, masked_mean


def padded(samples, left, right):
    longest = max(map(len, samples)) + left + right
    x = torch.full((longest, len(samples)), PADDING)
    for b, sample in enumerate(samples):
        start = left if right or not left else longest - len(sample)
        x[start : start + len(sample), b] = sample
    return x


@pytest.mark.parametrize("variant", ["spike_after", "spike_before", "none"])
@pytest.mark.parametrize("classes", [2, 5])
def test_padding_left_or_right_leaves_every_bit_of_a_score(variant, classes):
    model = Classifier(spiking(variant=variant, dtype=torch.float32, width=32), classes).eval()
    samples = [torch.randint(50, (n,), generator=torch.Generator().manual_seed(n)) for n in (9, 4, 17)]
    with torch.no_grad():
        due = model.scores(padded(samples, 0, 0))
        for left, right in ((5, 0), (0, 5), (3, 4), (0, 200), (77, 0)):
            assert torch.equal(model.scores(padded(samples, left, right)), due)
        alone = torch.cat([model.scores(sample[:, None]) for sample in samples])
        y, _ = model(samples[0][:, None])
    assert due.std() > 0 and torch.allclose(alone, due, atol=1e-5)
    assert torch.allclose(y.mean(0), alone[:1], atol=1e-5)


def test_align_moves_tokens_to_the_front():
    x = torch.tensor([[-1, 3, -1], [4, 5, -1], [6, -1, -1]])
    tokens, lengths = align(x)
    assert tokens.tolist() == [[4, 3, 0], [6, 5, 0], [0, 0, 0]] and lengths.tolist() == [2, 2, 0]
    for bad in (x.float(), x[0], [[1]]):
        with pytest.raises(ValueError, match=r"tokens must be a tensor int64 \[T, B\]"):
            align(bad)


def test_masked_mean_is_the_mean_over_valid_steps():
    y = torch.randn(6, 2, 3, dtype=torch.float64)
    found = masked_mean(y, torch.tensor([6, 2]))
    assert torch.allclose(found, torch.stack([y[:, 0].mean(0), y[:2, 1].mean(0)]))
    assert torch.allclose(masked_mean(y), y.mean(0))
    with pytest.raises(ValueError, match="lengths must be >= 1, for a mean, got 0"):
        masked_mean(y, torch.tensor([6, 0]))


class Texts:
    """Samples of 3 to 12 tokens that hold more of token 1 (class 0) or of token 2 (class 1)."""

    def __len__(self):
        return 64

    def batches(self, batch_size, *, seed=None, min_batch=1):
        rng = np.random.default_rng(0)
        lengths, label = rng.integers(3, 13, 64), rng.integers(0, 2, 64)
        x = np.where(rng.random((12, 64)) < 0.8, label + 1, 2 - label)
        yield SimpleNamespace(x=x, lengths=lengths, label=label)


def test_a_trained_model_is_tuned_to_classes_saved_and_loaded(tmp_path):
    torch.manual_seed(0)
    model = Classifier(SpikeGPT(4, 1, 16), 2)
    config = snn.train.TrainConfig(
        epochs=30, loss="mean_cross_entropy", batch_size=64, lr=0.02, weight_decay=0.0
    )
    result = snn.train.fit(model, Texts(), Texts(), config)
    assert result.selected["valid_accuracy"] > 0.9
    (batch,) = Texts().batches(64)
    x = torch.from_numpy(batch.x).where(torch.arange(12)[:, None] < torch.from_numpy(batch.lengths), PADDING)
    with torch.no_grad():
        scores = model.eval().scores(x.flip(0))
    assert (scores.argmax(1).numpy() == batch.label).mean() > 0.8  # read backwards: as many of each
    snn.train.save(model, tmp_path / "c.safetensors")
    loaded = snn.train.load(tmp_path / "c.safetensors")
    assert torch.equal(loaded.scores(x), model.scores(x))
    with pytest.raises(ValueError, match="model must be a SpikeGPT or its description"):
        Classifier(snn.nn.Linear(2, 2), 2)
