"""Count what a saved model or network does on its test samples."""

from __future__ import annotations

from pathlib import Path

import torch

from snn.core.checks import whole
from snn.hardware import Ledger, count
from snn.recipes.saved import SavedModel, load_saved, recipe_of

__all__ = ["count_file"]


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
    if samples is not None:
        whole("samples", samples, low=1)
    if Path(path).suffix not in (".h5", ".hdf5"):
        counts = recipe_of(path).count
        if counts is not None:
            return counts(path, data, samples)
        saved = load_saved(path)
        if saved.samples.inputs != "spikes":  # counted by convolution, not by the projections that it becomes
            return _count_in_torch(saved, data, samples)
    return _count_by_events(path, data, samples)


def _count_by_events(path: str, data: str | None, samples: int | None) -> tuple[Ledger, str]:
    """Run the event engine: its counts are those of the model."""
    from snn.cli.samples import load_file, test_samples
    from snn.recipes.agreement import run_samples

    loaded = load_file(path)
    test = test_samples(loaded, data)
    if samples is not None:
        test = test.subset(range(min(samples, len(test))))
    rec = run_samples(loaded.network, test, loaded.tail_steps, v=())
    return count(rec, loaded.network), test.name


def _count_in_torch(saved: SavedModel, data: str | None, samples: int | None) -> tuple[Ledger, str]:
    """Run the model, batch by batch."""
    test = saved.test_set(data)
    if samples is not None:
        test = test.subset(range(min(samples, len(test))))
    inputs = {"in": "real"} if saved.samples.inputs == "currents" else {}
    found: Ledger | None = None
    for batch in test.batches(32):
        x, lengths = torch.from_numpy(batch.x), torch.from_numpy(batch.lengths)
        part = count(saved.model, x, lengths, inputs=inputs)
        found = part if found is None else found + part
    if found is None:
        raise ValueError(f"{test.name} has no test samples")
    return found, test.name
