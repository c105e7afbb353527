"""Data that come as batches already: torch's `DataLoader`, or any iterable of batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, SequentialSampler

from snn.core.checks import refusal
from snn.train.batches import Data

__all__ = ["GivenBatch", "LoadedBatches", "as_data", "check_not_empty", "steps_per_epoch"]


class GivenBatch(NamedTuple):
    """Hold a batch of a loader, as arrays or tensors.

    Attributes:
        x: Input, [T, B, ...].
        lengths: Steps of each sample, [B].
        label: Classes or targets.
    """

    x: Any
    lengths: Any
    label: Any


class LoadedBatches:
    """Let an iterable of batches serve as `Data`: the order and size of its batches are its own."""

    def __init__(self, name: str, loader: Iterable[Any]) -> None:
        """Take batches from `loader`; `name` is the argument's, for messages."""
        self.name, self.loader = name, loader

    def __len__(self) -> int:
        """Return the number of samples, 0 where it is not known."""
        for holder in ("sampler", "dataset"):
            held: Any = getattr(self.loader, holder, None)
            if hasattr(held, "__len__"):
                return len(held)
        if isinstance(self.loader, list | tuple):
            return sum(len(_as_batch(self.name, batch).lengths) for batch in self.loader)
        return 0

    @property
    def n_batches(self) -> int | None:
        """Batches of an epoch; None where they are not known."""
        try:
            return len(self.loader)  # type: ignore[arg-type]
        except TypeError:  # no __len__, or a DataLoader over a stream, which has one that raises
            return None

    def batches(self, batch_size: int = 1, *, seed: Any = None, min_batch: int = 1) -> Iterator[GivenBatch]:
        """Give the batches as they come; all arguments are the loader's affair."""
        try:
            for batch in self.loader:
                yield _as_batch(self.name, batch)
        except TypeError as error:
            if "default_collate" not in str(error):
                raise
            raise ValueError(
                f"collate_fn of {self.name} must put its items together, got torch's default_collate, which cannot "
                f"(snn.datasets.collate can, for items (events or [T, ...], label)): {error}"
            ) from error

    def set_epoch(self, seed: int, epoch: int) -> None:
        """Put the loader's generators where (seed, epoch) says, if it has some."""
        value = int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0])
        for generator in self._generators():
            generator.manual_seed(value)

    def check_order(self, why: str) -> None:
        """Refuse a loader whose batches (seed, epoch) do not decide.

        Args:
            why: What asks for it, as "to resume".

        Raises:
            ValueError: It shuffles without a generator, or it cannot be told; or its workers stay.
        """
        loader, name = self.loader, self.name
        if isinstance(loader, DataLoader) and loader.persistent_workers and loader.num_workers:
            raise ValueError(
                f"persistent_workers of {name} must be False {why}, got True: the random numbers of workers that "
                "stay go on from one epoch to the next"
            )
        if isinstance(loader, DataLoader):
            # a loader's own generator decides nothing about samplers that were made without it
            decided = _is_decided(self._sampler(), SequentialSampler)
            decided &= loader.batch_sampler is None or _is_decided(loader.batch_sampler, BatchSampler)
        else:
            decided = isinstance(loader, list | tuple) or bool(self._generators())
        if not decided:
            raise ValueError(
                f"{name} must be a loader in order or with a generator {why} "
                f"(DataLoader(..., shuffle=True, generator=torch.Generator())), got {self._sampling()} without one"
            )

    def check_processes(self) -> None:
        """Refuse a loader that does not give every process the same batches, where there are several.

        Raises:
            ValueError: It cuts batches into shares itself, or its order is not decided.
        """
        if isinstance(self._sampler(), DistributedSampler):
            raise ValueError(
                f"sampler of {self.name} must give every process all samples, got a DistributedSampler: "
                "each process takes its share of every batch"
            )
        self.check_order("with several processes")

    def describe(self) -> dict[str, Any]:
        """Say how batches are made, as JSON values."""
        names = ("batch_size", "drop_last")
        known = {name: getattr(self.loader, name, None) for name in names}
        return {**known, "batches": self.n_batches, "sampler": self._sampling()}

    def _sampler(self) -> Any:
        """Give what puts samples in order: beside a batch sampler of one's own, a loader has another, not used."""
        batch_sampler = getattr(self.loader, "batch_sampler", None)
        return getattr(batch_sampler, "sampler", None) or getattr(self.loader, "sampler", None)

    def _sampling(self) -> str:
        samplers = (self._sampler(), getattr(self.loader, "batch_sampler", None))
        return " in ".join(type(s).__name__ for s in samplers if s is not None) or type(self.loader).__name__

    def _generators(self) -> list[torch.Generator]:
        """Find the generators of a loader and its samplers."""
        holders = (self.loader, self._sampler(), getattr(self.loader, "batch_sampler", None))
        found = [getattr(holder, "generator", None) for holder in holders]
        return [generator for generator in found if isinstance(generator, torch.Generator)]


def _is_decided(sampler: Any, in_order: type) -> bool:
    """Tell whether a sampler is torch's own of that type, in order, or has a generator that decides its order."""
    return type(sampler) is in_order or isinstance(getattr(sampler, "generator", None), torch.Generator)


def as_data(name: str, given: Data | Iterable[Any]) -> Data:
    """Give a data set as it is, and anything else that can be gone through in batches as one.

    Args:
        name: Name of the argument, for messages.
        given: A data set, or an iterable of (x, label) or (x, lengths, label).

    Raises:
        ValueError: It is neither, or can be gone through once only.
    """
    if hasattr(given, "batches"):
        return cast(Data, given)
    if not hasattr(given, "__iter__") or isinstance(given, Iterator | str | bytes | dict):
        rule = "a data set with batches(), or batches (x, label) or (x, lengths, label) as a DataLoader gives them"
        raise refusal(name, rule, given)
    return LoadedBatches(name, given)


def check_not_empty(name: str, data: Data) -> None:
    """Refuse a set that is known to give no sample; a loader that does not know its length may.

    Raises:
        ValueError: It is empty; the message names the argument.
    """
    if isinstance(data, LoadedBatches):
        if data.n_batches == 0:
            raise ValueError(f"{name} must give at least one batch, got none")
    elif not len(data):
        raise ValueError(f"{name} must hold at least one sample, got none")


def steps_per_epoch(data: Data, batch_size: int, min_batch: int) -> int | None:
    """Give the steps of the optimiser in an epoch; None where a loader does not know its length."""
    if isinstance(data, LoadedBatches):
        return data.n_batches
    full, rest = divmod(len(data), batch_size)
    return full + (rest >= min_batch and rest > 0)


def _as_batch(name: str, batch: Any) -> GivenBatch:
    """Read what a loader gave; without lengths, every sample is valid to its end."""
    if hasattr(batch, "label") and hasattr(batch, "lengths"):
        return GivenBatch(batch.x, batch.lengths, batch.label)
    if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
        got = f"{len(batch)} parts" if isinstance(batch, tuple | list) else type(batch).__name__
        raise ValueError(f"batches of {name} must be (x, label) or (x, lengths, label), got {got}")
    x, label = batch[0], batch[-1]
    if getattr(x, "ndim", 0) < 2:
        raise refusal(f"x of {name}", "an array or tensor [T, B, ...], time first", x)
    lengths = batch[1] if len(batch) == 3 else torch.full((x.shape[1],), x.shape[0])
    return GivenBatch(x, lengths, label)
