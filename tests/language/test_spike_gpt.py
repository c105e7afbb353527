"""SpikeGPT is the paper's equations, and one function however its tokens are cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from plain_language import plain_logits, rwkv_weights, spikes_of, spiking

import snn
from snn.language import SIZES, SpikeGPT

VARIANTS = ("spike_after", "spike_before", "none")


def tokens(steps=60, batch=3, vocab=50, seed=1):
    return torch.randint(vocab, (steps, batch), generator=torch.Generator().manual_seed(seed))


def leaves(state):
    return [state] if isinstance(state, torch.Tensor) else [leaf for part in state for leaf in leaves(part)]


def cut(model, x, seed=0):
    """Run tokens in pieces of random lengths, of one token and of none among them."""
    state, logits, fired = None, [], {}
    sizes = np.random.default_rng(seed).choice([0, 1, 2, 5, 11], size=len(x))
    sizes = sizes[np.cumsum(sizes) <= len(x)]
    for part in x.split([*sizes.tolist(), len(x) - int(sizes.sum())]):
        y, state, seen = spikes_of(model, part, state)
        logits.append(y)
        for name, z in seen.items():
            fired.setdefault(name, []).append(z)
    return torch.cat(logits), state, {name: torch.cat(parts) for name, parts in fired.items()}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_model_is_the_plain_recurrence(variant):
    model, x = spiking(variant=variant), tokens(40, 2)
    logits, _, seen = spikes_of(model, x)
    for b in range(2):
        due, fired = plain_logits(rwkv_weights(model), x[:, b].numpy(), variant, variant != "none")
        assert np.abs(logits[:, b].numpy() - due).max() < 1e-9
        assert len(fired) == len(seen) == {"spike_after": 6, "spike_before": 18, "none": 0}[variant]
        for z, wanted in zip(seen.values(), fired, strict=True):
            assert np.array_equal(z[:, b].numpy(), wanted)


@pytest.mark.parametrize("variant", VARIANTS[:2])
def test_spikes_are_0_or_1_and_there_are_some(variant):
    _, _, seen = spikes_of(spiking(variant=variant), tokens())
    for name, z in seen.items():
        assert set(z.unique().tolist()) <= {0.0, 1.0}
        assert 0.01 < z.mean() < 0.8, name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("variant", VARIANTS)
def test_later_tokens_change_no_bit_of_earlier_logits(variant, dtype):
    model, x = spiking(variant=variant, dtype=dtype), tokens()
    other = x.clone()
    other[40:] = (x[40:] + 7) % 50
    a, b = (spikes_of(model, one)[0] for one in (x, other))
    assert torch.equal(a[:40], b[:40]) and not torch.equal(a[40], b[40])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("variant", VARIANTS)
def test_cut_anywhere_the_spikes_and_logits_are_those_of_one_piece(variant, seed):
    model, x = spiking(variant=variant), tokens(seed=seed)
    whole, state, seen = spikes_of(model, x)
    parts, after, fired = cut(model, x, seed)
    assert (whole - parts).abs().max() < 1e-9
    assert all(torch.equal(seen[name], fired[name]) for name in seen)
    assert all((a - b).abs().max() < 1e-9 for a, b in zip(leaves(state), leaves(after), strict=True))


@pytest.mark.parametrize("variant", VARIANTS)
def test_in_float32_cuts_change_roundings_alone(variant):
    """A product of one row rounds otherwise, which may take a membrane over its threshold: then it is said here."""
    model, x = spiking(variant=variant, width=64, dtype=torch.float32), tokens(300, 2)
    whole, _, seen = spikes_of(model, x)
    parts, _, fired = cut(model, x)
    differ = sum(int((seen[name] != fired[name]).sum()) for name in seen)
    total = sum(z.numel() for z in seen.values())
    print(f"{differ} of {total} spikes differ")
    assert differ <= total * 1e-5
    if not differ:
        assert (whole - parts).abs().max() < 1e-5 * max(1, whole.abs().max())


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_state_is_that_at_a_samples_length_and_padding_changes_no_bit(variant):
    model, x = spiking(variant=variant, dtype=torch.float32), tokens(30, 3)
    lengths = torch.tensor([30, 12, 0])
    y, state, _ = spikes_of(model, x, None, lengths)
    other = x.clone()
    for b, n in enumerate(lengths):
        other[n:, b] = 3
    z, same, _ = spikes_of(model, other, None, lengths)
    assert torch.equal(y[:, 0], z[:, 0]) and torch.equal(y[:12, 1], z[:12, 1])
    assert all(torch.equal(a, b) for a, b in zip(leaves(state), leaves(same), strict=True))
    for b, n in ((1, 12), (2, 0)):
        short = spikes_of(model, x[:n])[1]
        assert all(torch.equal(a[b], c[b]) for a, c in zip(leaves(state), leaves(short), strict=True))


def test_a_state_is_a_value():
    model, x = spiking(variant="spike_before"), tokens()
    _, state, _ = spikes_of(model, x)
    kept = [leaf.clone() for leaf in leaves(state)]
    first, second = (spikes_of(model, x[:9], state)[0] for _ in range(2))
    assert torch.equal(first, second)
    assert all(torch.equal(a, b) for a, b in zip(kept, leaves(state), strict=True))


@pytest.mark.parametrize(
    "vocab, layers, width, count",
    [
        (*SIZES["46M"].values(), 46_099_456),
        (*SIZES["216M"].values(), 215_399_424),
        (205, 12, 512, 41_174_016),
    ],
)
def test_parameters_are_those_of_the_formula(vocab, layers, width, count):
    with torch.device("meta"):
        model = SpikeGPT(vocab, layers, width, initial="torch")
    found = sum(parameter.numel() for parameter in model.parameters())
    assert found == count == layers * (13 * width**2 + 11 * width) + 4 * width + 2 * vocab * width


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients_are_those_of_the_readable_forms(variant, monkeypatch):
    model, x = spiking(variant=variant, layers=2, width=8, vocab=11), tokens(12, 2, 11)

    def gradients():
        model.zero_grad()
        y, state = model(x, None, torch.tensor([12, 7]))
        y = torch.cat([y[:, 0], y[:7, 1]])
        (y.square().sum() + sum(leaf.clamp(min=-9).sum() for leaf in leaves(state))).backward()
        return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}

    fast = gradients()
    monkeypatch.setattr(snn.kernels.dispatch, "runs_fused", lambda *_: False)
    for name, g in gradients().items():
        assert (g - fast[name]).abs().max() < 1e-9 * max(1, g.abs().max()), name
        assert g.abs().max() > 0, name


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_model_is_saved_and_loaded_with_what_is_said_of_it(variant, tmp_path):
    model, x = spiking(variant=variant, dtype=torch.float32, dropout=0.1), tokens()
    snn.train.save(model, tmp_path / "m.safetensors", {"tokenizer": "bytes"})
    loaded = snn.train.load(tmp_path / "m.safetensors")
    assert loaded.config() == model.config() and not loaded.training
    assert torch.equal(loaded(x)[0], model(x)[0])
    assert snn.train.read_info(tmp_path / "m.safetensors") == {"tokenizer": "bytes"}


@pytest.mark.parametrize("initial", ["rwkv4", "rwkv4_as_run", "torch"])
def test_first_matrices_are_as_the_option_says(initial):
    torch.manual_seed(0)
    model = SpikeGPT(300, 2, 16, initial=initial)
    block = model.blocks[0]
    wide, out = block.channel_mixing.key.weight, block.time_mixing.output.weight
    if initial == "torch":
        assert 0.9 < model.embedding.weight.std() < 1.1 and 0 < out.abs().max() <= 0.25
        return
    assert model.embedding.weight.square().sum(0).sqrt().allclose(torch.tensor(1e-4 * 300**0.5))
    assert model.head.weight.square().sum(0).sqrt().allclose(torch.tensor(0.5 * (300 / 16) ** 0.5))
    gain = 2.0 if initial == "rwkv4" else 1.0
    assert (wide.t() @ wide).allclose(gain**2 * torch.eye(16), atol=1e-5)
    assert bool(out.any()) is (initial == "rwkv4_as_run")


@pytest.mark.parametrize("width", [64, 192])
def test_neurons_ahead_of_weights_fire_from_the_start(width):
    torch.manual_seed(0)
    _, _, seen = spikes_of(SpikeGPT(50, 2, width, "spike_before").eval(), tokens())
    rates = {name: z.mean().item() for name, z in seen.items()}
    hidden = [rates.pop(name) for name in list(rates) if name.endswith("fire.value") and "channel" in name]
    assert all(0.1 < rate < 0.3 for rate in rates.values()), rates
    assert all(0.005 < rate < 0.3 for rate in hidden), hidden


def test_first_decays_and_mixes_are_those_of_rwkv4():
    for i, block in enumerate(SpikeGPT(5, 3, 4).blocks):
        time, deep, left = block.time_mixing, i / 2, 1 - i / 3
        for h in range(4):
            key = (h / 4) ** left
            assert time.decay[h].item() == pytest.approx(-5 + 8 * (h / 3) ** (0.7 + 1.3 * deep), abs=1e-5)
            assert time.bonus[h].item() == pytest.approx(np.log(0.3) + 0.5 * ((h + 1) % 3 - 1), abs=1e-6)
            due = [key, key + 0.3 * deep, (h / 4) ** (0.5 * left)]
            assert time.mix[:, h].tolist() == pytest.approx(due, abs=1e-6)
            assert block.channel_mixing.mix[:, h].tolist() == pytest.approx([key, key], abs=1e-6)
    assert SpikeGPT(5, 1, 4).blocks[0].time_mixing.decay.isfinite().all()  # theirs divides by zero there


def test_what_is_no_text_or_no_state_is_refused_in_a_line():
    model, x = spiking(), tokens()
    _, state = model(x)
    broken = state[0]._replace(time_mixing=state[0].time_mixing._replace(last=torch.full((3, 24), torch.nan)))
    for error, match, call in (
        (
            ValueError,
            r"tokens must be in 0\.\.49, the vocabulary, got 50",
            lambda: model(x.where(x < 49, 50)),
        ),
        (
            ValueError,
            r"tokens must be in 0\.\.49, the vocabulary, got -1",
            lambda: model(x.where(x < 49, -1)),
        ),
        (ValueError, r"tokens must be int64 \[T, B\]", lambda: model(x.int())),
        (ValueError, r"tokens must be int64 \[T, B\]", lambda: model(x[0])),
        (TypeError, r"tokens must be a tensor", lambda: model([[1]])),
        (ValueError, r"a tuple of 3 BlockState, got 2", lambda: model(x, state[:2])),
        (TypeError, r"must be a tuple of BlockState", lambda: model(x, 3)),
        (
            ValueError,
            r"\[0\]\.time_mixing\.last must be finite, got nan",
            lambda: model(x, (broken, *state[1:])),
        ),
        (ValueError, r"state of TimeMixing must be of shape \[2, 24\]", lambda: model(x[:, :2], state)),
        (ValueError, r"lengths must be in 0\.\.60", lambda: model(x, None, torch.tensor([61, 1, 1]))),
        (ValueError, r"variant must be one of", lambda: SpikeGPT(5, 1, 4, "spike")),
        (ValueError, r"initial must be one of", lambda: SpikeGPT(5, 1, 4, initial="zero")),
        (ValueError, r"kind must be one of", lambda: SpikeGPT(5, 1, 4, embedding="bits")),
        (ValueError, r"layers must be", lambda: SpikeGPT(5, 0, 4)),
        (ValueError, r"dropout must be", lambda: SpikeGPT(5, 1, 4, dropout=1.0)),
    ):
        with pytest.raises(error, match=match):
            call()


def test_no_steps_and_no_samples_give_empty_logits():
    model = spiking()
    for shape in ((0, 3), (4, 0), (0, 0)):
        y, state = model(torch.zeros(shape, dtype=torch.int64))
        assert y.shape == (*shape, 50) and leaves(state)[0].shape[0] == shape[1]
