"""RWKV-4's own files become the variant without neurons."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from plain_language import plain_logits, rwkv_weights, spiking
from safetensors.torch import save_file

from snn.language import SpikeGPT, read_rwkv4


def own_weights(vocab=40, layers=2, width=12):
    """Weights as RWKV-4's trainer saves them: by its names, its mixes [1, 1, d]."""
    model = spiking(vocab, layers, width, "none")
    return {name: torch.from_numpy(np.array(w)) for name, w in rwkv_weights(model).items()}


@pytest.mark.parametrize("dtype, off", [(torch.float32, 1e-5), (torch.bfloat16, 1e-5)])
@pytest.mark.parametrize("kind", ["pth", "safetensors"])
def test_logits_are_those_of_a_plain_float64_recurrence(kind, dtype, off, tmp_path):
    given = {name: w.to(dtype) for name, w in own_weights().items()}
    path = tmp_path / f"model.{kind}"
    torch.save(given, path) if kind == "pth" else save_file(given, path)
    before = torch.random.get_rng_state()
    model = read_rwkv4(path)
    assert torch.equal(torch.random.get_rng_state(), before) and not model.training
    assert isinstance(model, SpikeGPT) and model.config()["variant"] == "none"
    x = torch.randint(40, (50, 1))
    due, _ = plain_logits(
        {name: w.double().numpy() for name, w in given.items()}, x[:, 0].numpy(), "none", False
    )
    with torch.no_grad():
        y = model(x)[0][:, 0].numpy()
        z = model.double()(x)[0][:, 0].numpy()
    assert np.abs(y - due).max() < off * np.abs(due).max() and np.abs(z - due).max() < 1e-12


def test_what_is_no_rwkv4_is_refused_in_a_line(tmp_path):
    given, path = own_weights(), tmp_path / "model.pth"

    def without(name):
        return {key: w for key, w in given.items() if key != name}

    for match, held in (
        (r"must hold blocks\.1\.att\.key\.weight, got \d+ tensors", without("blocks.1.att.key.weight")),
        (r"must hold emb\.weight \[V, d\] and blocks", without("emb.weight")),
        (
            r"blocks\.0\.ln1\.bias in .* must be of shape \[12\]",
            given | {"blocks.0.ln1.bias": torch.zeros(3)},
        ),
        (
            r"head\.weight in .* must be finite, got nan",
            given | {"head.weight": given["head.weight"] * torch.nan},
        ),
        (
            r"alone, got blocks\.0\.att\.gate\.weight too",
            given | {"blocks.0.att.gate.weight": torch.zeros(2)},
        ),
        (r"must be a dict of tensors by name", [torch.zeros(2)]),
    ):
        torch.save(held, path)
        with pytest.raises(ValueError, match=match):
            read_rwkv4(path)
    for content in (b"", b"no weights", path.read_bytes()[:99]):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match="must be a file of tensors by name, got one that cannot be read"
        ):
            read_rwkv4(path)
    with pytest.raises(FileNotFoundError):
        read_rwkv4(tmp_path / "none.pth")


def test_code_in_a_file_is_never_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (print, ("ran",))

    torch.save({"emb.weight": Bomb()}, tmp_path / "model.pth")
    with pytest.raises(ValueError, match="cannot be read"):
        read_rwkv4(tmp_path / "model.pth")
