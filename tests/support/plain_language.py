"""SpikeGPT as the paper has it, in float64 numpy: what the layers of snn.language are held against."""

from __future__ import annotations

import numpy as np
import torch

from snn.language import SpikeGPT
from snn.nn import LIF


def spiking(
    vocab=50, layers=3, width=24, variant="spike_after", dtype=torch.float64, seed=0, **options
) -> SpikeGPT:
    """A model that spikes: a fresh one is silent, so what leads to neurons is made larger."""
    torch.manual_seed(seed)
    model = SpikeGPT(vocab, layers, width, variant, initial="torch", **options).to(dtype).eval()
    with torch.no_grad():
        for block in model.blocks:
            block.time_mixing.output.weight *= 20
            block.channel_mixing.value.weight *= 20
            block.channel_mixing.key.weight *= 4 if variant == "spike_before" else 2
            for norm in (block.norm_time, block.norm_channel):
                norm.bias.uniform_(-0.3, 0.8)
                norm.weight.uniform_(0.5, 2.0)
            for mixing in (block.time_mixing, block.channel_mixing):
                mixing.mix.uniform_(0.0, 1.2)
    return model


def spikes_of(model, tokens, state=None, lengths=None):
    """Logits, state, and the spikes of all neurons by name."""
    seen: dict[str, torch.Tensor] = {}
    handles = [
        part.register_forward_hook(lambda _, __, out, name=name: seen.__setitem__(name, out[0]))
        for name, part in model.named_modules()
        if isinstance(part, LIF)
    ]
    with torch.no_grad():
        logits, state = model(tokens, state, lengths)
    for handle in handles:
        handle.remove()
    return logits, state, seen


def rwkv_weights(model) -> dict[str, np.ndarray]:
    """The weights of a model under the names that RWKV-4 gives them."""

    def of(tensor):
        return tensor.detach().double().numpy()

    found = {"emb.weight": of(model.embedding.weight), "head.weight": of(model.head.weight)}
    for name, norm in (("blocks.0.ln0", model.norm_in), ("ln_out", model.norm_out)):
        found |= {f"{name}.weight": of(norm.weight), f"{name}.bias": of(norm.bias)}
    for i, block in enumerate(model.blocks):
        at, time, channel = f"blocks.{i}.", block.time_mixing, block.channel_mixing
        for name, norm in (("ln1", block.norm_time), ("ln2", block.norm_channel)):
            found |= {f"{at}{name}.weight": of(norm.weight), f"{at}{name}.bias": of(norm.bias)}
        found |= {f"{at}att.time_decay": of(time.decay), f"{at}att.time_first": of(time.bonus)}
        for letter, row in zip("kvr", time.mix, strict=True):
            found[f"{at}att.time_mix_{letter}"] = of(row)[None, None]
        for letter, row in zip("kr", channel.mix, strict=True):
            found[f"{at}ffn.time_mix_{letter}"] = of(row)[None, None]
        for name in ("key", "value", "receptance", "output"):
            found[f"{at}att.{name}.weight"] = of(time.get_submodule(name).weight)
        for name in ("key", "value", "receptance"):
            found[f"{at}ffn.{name}.weight"] = of(channel.get_submodule(name).weight)
    return found


def _norm(x, weight, bias):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5) * weight + bias


def _shift(x, mix):
    before = np.concatenate([np.zeros_like(x[:1]), x[:-1]])
    return x * mix.reshape(-1) + before * (1 - mix.reshape(-1))


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _lif(x, fired):
    v, z = np.zeros_like(x[0]), np.zeros_like(x)
    for t, drive in enumerate(x):
        v = v + (drive - v) / 2
        z[t] = v >= 1
        v = np.where(z[t] > 0, 0, v)
    fired.append(z)
    return z


def _attend(decay, bonus, k, v):
    """The sums as they are written, one for each token."""
    w, y = -np.exp(decay), np.zeros_like(v)
    for t in range(len(k)):
        age = np.arange(t - 1, -1, -1)[:, None]
        exponents = np.concatenate([age * w + k[:t], bonus + k[t : t + 1]])
        shares = np.exp(exponents - exponents.max(0))
        y[t] = (shares * v[: t + 1]).sum(0) / shares.sum(0)
    return y


def plain_logits(weights, tokens, variant, binary):
    """Logits [T, V] of a sample's tokens [T], and the spikes of all neurons in the order of their use."""
    fired: list[np.ndarray] = []

    def before(x):
        return _lif(x, fired) if variant == "spike_before" else x

    def after(x):
        return _lif(x, fired) if variant == "spike_after" else x

    def norm(x, name):
        return _norm(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    x = weights["emb.weight"][tokens]
    x = norm((x >= 0).astype(float) if binary else x, "blocks.0.ln0")
    i = 0
    while f"blocks.{i}.ln1.weight" in weights:

        def w(name, i=i):
            return weights[f"blocks.{i}.{name}"]

        n = norm(x, f"blocks.{i}.ln1")
        k, v, r = (
            before(_shift(n, w(f"att.time_mix_{letter}"))) @ w(f"att.{name}.weight").T
            for letter, name in (("k", "key"), ("v", "value"), ("r", "receptance"))
        )
        y = _sigmoid(r) * _attend(w("att.time_decay"), w("att.time_first"), k, v)
        x = x + after(y @ w("att.output.weight").T)
        n = norm(x, f"blocks.{i}.ln2")
        k, r = (
            before(_shift(n, w(f"ffn.time_mix_{letter}"))) @ w(f"ffn.{name}.weight").T
            for letter, name in (("k", "key"), ("r", "receptance"))
        )
        hidden = before(k) if variant == "spike_before" else np.maximum(k, 0) ** 2
        x = x + after(_sigmoid(r) * (hidden @ w("ffn.value.weight").T))
        i += 1
    return norm(x, "ln_out") @ weights["head.weight"].T, fired
