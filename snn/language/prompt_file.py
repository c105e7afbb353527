"""Keep what a model knows after a prompt in a file, and go on from there at another time."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import torch
from torch import Tensor

from snn.core.arrays import PathLike
from snn.core.checks import refusal
from snn.core.files.hdf5 import naming
from snn.core.files.json_file import fields_of
from snn.language.generation import Prompt, read_prompt
from snn.nn import Layer, to_config
from snn.train.state_tree import join, split
from snn.train.tensor_files import read_tensors, write_tensors

__all__ = ["load_prompt", "save_prompt"]

KIND, VERSION = "snn.prompt", 1


def save_prompt(prompt: Prompt, path: PathLike, model: Layer) -> None:
    """Write a prompt's state and logits, with what tells the model's weights from others.

    Raises:
        OSError: The file could not be written; one already there stays whole.
    """
    structure, tensors = split("prompt", tuple(prompt))
    write_tensors(path, KIND, VERSION, tensors, {"model": _weights_digest(model), "prompt": structure})


def load_prompt(path: PathLike, model: Layer) -> Prompt:
    """Read what `save_prompt` wrote.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is no such file, damaged, of another model or other weights, or holds NaN or infinity.
    """
    tensors, info = read_tensors(path, KIND, VERSION)
    with naming(path):
        fields_of("info", info, ("model", "prompt"))
        digest = _weights_digest(model)
        if info["model"] != digest:
            raise refusal("model", f"the one of the prompt, of sha256 {info['model']}", digest)
        # a file has plain tuples; the model's own tells their kinds and shapes
        like = tuple(read_prompt(model, [0]))
        state, logits = _as("prompt", join(info["prompt"], tensors), like)
    return Prompt(state, logits)


def _as(name: str, tree: Any, like: Any) -> Any:
    """Give a tree the kinds of tuples of another one, which has the same shapes.

    Raises:
        ValueError: It has others, or a number in it is not finite.
    """
    if isinstance(like, Tensor):
        if not isinstance(tree, Tensor) or (tree.shape, tree.dtype) != (like.shape, like.dtype):
            raise refusal(name, f"of shape {list(like.shape)} and dtype {like.dtype}", tree)
        if tree.is_floating_point() and not bool(torch.isfinite(tree).all()):
            raise refusal(name, "finite", "NaN or infinity in it")
        return tree.to(like.device)
    if not isinstance(tree, tuple) or len(tree) != len(like):
        raise refusal(name, f"a tuple of {len(like)} parts", tree)
    parts = [_as(f"{name}[{i}]", *pair) for i, pair in enumerate(zip(tree, like, strict=True))]
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)


def _weights_digest(model: Layer) -> str:
    """Give a checksum of a model's description and weights."""
    digest = hashlib.sha256(json.dumps(to_config(model)).encode())
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
