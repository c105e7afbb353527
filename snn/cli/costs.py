"""Count what a saved model or network does on its test samples."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from snn.hardware import Ledger, count
from snn.nn import Layer
from snn.recipes import images, nmnist
from snn.train import load, read_info

__all__ = ["count_file"]

_IMAGE_RECIPES: dict[str, Any] = {
    "nmnist": (nmnist.NmnistConfig, nmnist.load_data, {}),
    "images": (images.ImagesConfig, images.load_data, {"in": "real"}),
}
"""Config, loader, and what the input is: events are spikes, still images real values."""


def count_file(path: str, data: str | None, samples: int | None) -> tuple[Ledger, str]:
    """Count a model (.safetensors) or a network (.h5) on its test samples.

    Args:
        path: The file.
        data: Where the samples are; None is where the model was trained.
        samples: The first so many of them; None takes all.

    Returns:
        The counts, and what the samples are.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Neither of the two, of another version, a model of an unknown recipe, or bad data.
    """
    if samples is not None and samples < 1:
        raise ValueError(f"samples must be >= 1, got {samples}")
    if Path(path).suffix not in (".h5", ".hdf5"):
        model, about = load(path), read_info(path)
        if about.get("recipe") in _IMAGE_RECIPES:
            return _count_images(model, about, data, samples)
    return _count_words(path, data, samples)


def _count_words(path: str, data: str | None, samples: int | None) -> tuple[Ledger, str]:
    """Run the event engine: its counts are those of the model."""
    from snn.cli.words import load_file, test_words
    from snn.recipes.agreement import run_words

    loaded = load_file(path)
    words = test_words(loaded, data)
    if samples is not None:
        words = words.subset(range(min(samples, len(words))))
    last = loaded.network.populations[-1].name
    rec = run_words(loaded.network, words, loaded.tail_steps, v=(last,))
    return count(rec, loaded.network), words.name


def _count_images(
    model: Layer, about: dict[str, Any], data: str | None, samples: int | None
) -> tuple[Ledger, str]:
    """Run the model, batch by batch."""
    kind, load_data, inputs = _IMAGE_RECIPES[about["recipe"]]
    given = {f.name: about["data"][f.name] for f in fields(kind) if f.name in about["data"]}
    config = kind(**given | ({} if data is None else {"data": data}))
    test = load_data(config)[2]
    if samples is not None:
        test = test.subset(range(min(samples, len(test))))
    found: Ledger | None = None
    for batch in test.batches(32):
        part = count(model, torch.from_numpy(batch.x), torch.from_numpy(batch.lengths), inputs=inputs)
        found = part if found is None else found + part
    if found is None:
        raise ValueError(f"{test.name} has no test samples")
    return found, test.name
