"""Read the weights of RWKV-4, as its own users have them, into the variant without neurons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from snn.core.arrays import PathLike
from snn.core.checks import refusal, shown
from snn.language.spike_gpt import SpikeGPT

__all__ = ["read_rwkv4"]

_OUTSIDE = {
    "embedding.weight": "emb.weight",
    "norm_in.weight": "blocks.0.ln0.weight",
    "norm_in.bias": "blocks.0.ln0.bias",
    "norm_out.weight": "ln_out.weight",
    "norm_out.bias": "ln_out.bias",
    "head.weight": "head.weight",
}
_BLOCK = {
    "norm_time.weight": "ln1.weight",
    "norm_time.bias": "ln1.bias",
    "norm_channel.weight": "ln2.weight",
    "norm_channel.bias": "ln2.bias",
    "time_mixing.decay": "att.time_decay",
    "time_mixing.bonus": "att.time_first",
    "time_mixing.mix": ("att.time_mix_k", "att.time_mix_v", "att.time_mix_r"),
    "time_mixing.key.weight": "att.key.weight",
    "time_mixing.value.weight": "att.value.weight",
    "time_mixing.receptance.weight": "att.receptance.weight",
    "time_mixing.output.weight": "att.output.weight",
    "channel_mixing.mix": ("ffn.time_mix_k", "ffn.time_mix_r"),
    "channel_mixing.key.weight": "ffn.key.weight",
    "channel_mixing.value.weight": "ffn.value.weight",
    "channel_mixing.receptance.weight": "ffn.receptance.weight",
}
"""Our names and RWKV's, within a block; rows of mixes are tensors of their own there."""


def read_rwkv4(path: PathLike) -> SpikeGPT:
    """Read a model of RWKV-4 into a SpikeGPT of the variant "none", in float32 and evaluation mode.

    Args:
        path: A file of weights under the names of RWKV's own code ("blocks.0.att.time_decay"): ".safetensors", or
            ".pth", of which only tensors are read, never code.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is no such file, a weight is missing, of another shape or not finite, or there is one more
            than RWKV-4 has.
    """
    given = _tensors(Path(path))
    layers = 1 + max((int(n.split(".")[1]) for n in given if _is_of_block(n)), default=-1)
    embedding = given.get("emb.weight")
    if not layers or embedding is None or embedding.dim() != 2:
        raise ValueError(f"{path} must hold emb.weight [V, d] and blocks of RWKV-4, got {_named(given)}")
    vocab, width = embedding.shape
    with torch.device("meta"):
        like = {
            name: part.shape for name, part in SpikeGPT(vocab, layers, width, "none").state_dict().items()
        }
    weights: dict[str, Tensor] = {}
    names: set[str] = set()
    for ours, theirs in _pairs(layers):
        names.update(theirs)
        weights[ours] = _joined(path, given, theirs, like[ours])
    if extra := sorted(set(given) - names):
        raise ValueError(f"{path} must hold the weights of RWKV-4 alone, got {extra[0]} too")
    with torch.random.fork_rng(devices=[]):
        model = SpikeGPT(vocab, layers, width, "none", initial="torch")
    model.load_state_dict(weights)
    return model.eval()


def _is_of_block(name: str) -> bool:
    parts = name.split(".")
    return len(parts) > 2 and parts[0] == "blocks" and parts[1].isdecimal() and len(parts[1]) < 5


def _pairs(layers: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give our names and theirs, one or more for each of ours."""
    for ours, theirs in _OUTSIDE.items():
        yield ours, (theirs,)
    for i in range(layers):
        for ours, inside in _BLOCK.items():
            several = (inside,) if isinstance(inside, str) else inside
            yield f"blocks.{i}.{ours}", tuple(f"blocks.{i}.{name}" for name in several)


def _joined(path: PathLike, given: dict[str, Tensor], names: tuple[str, ...], shape: torch.Size) -> Tensor:
    """Give the rows `names`, or the one tensor, in float32 and this shape; RWKV's mixes are [1, 1, d]."""
    row = shape if len(names) == 1 else shape[1:]
    parts = []
    for name in names:
        if name not in given:
            raise ValueError(f"{path} must hold {name}, got {_named(given)}")
        tensor = given[name].float()
        flat = tensor.reshape(-1) if len(row) == 1 else tensor
        if flat.shape != row:
            raise refusal(f"{name} in {path}", f"of shape {list(row)}", tensor)
        if not bool(flat.isfinite().all()):
            raise refusal(f"{name} in {path}", "finite", flat[~flat.isfinite()][0].item())
        parts.append(flat)
    return parts[0] if len(names) == 1 else torch.stack(parts)


def _named(given: dict[str, Tensor]) -> str:
    names = sorted(given)
    return f"{len(names)} tensors ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"


def _tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file by name."""
    if not path.exists():
        raise FileNotFoundError(f"no such file: {path}")
    held: Any
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            held = load_file(path)
        else:
            held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged file raises depends on the place of the damage
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{path} must be a file of tensors by name, got one that cannot be read: {reason}"
        ) from error
    if not isinstance(held, dict) or not all(isinstance(part, Tensor) for part in held.values()):
        raise refusal(f"{path}", "a dict of tensors by name", shown(held))
    return held
