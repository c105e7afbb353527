"""All that the next epoch of a run depends on, in one file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from snn.train.config import TrainConfig
from snn.train.tensor_files import read_tensors, write_tensors

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]

KIND, VERSION, NAME = "snn.checkpoint", 2, "checkpoint/last.safetensors"


@dataclass
class Checkpoint:
    """Hold what a run knows after an epoch, besides model and optimiser.

    Attributes:
        history: The metrics of every epoch done.
        best_epoch: Epoch of the best validation accuracy (ties: lower validation loss), -1 before the first.
        best: The model's tensors after that epoch.
    """

    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = -1
    best: dict[str, Tensor] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """The next epoch to run."""
        return len(self.history)

    def add(self, metrics: dict[str, Any], model: nn.Module) -> None:
        """Add an epoch; keep the model's tensors if it is the best so far."""
        self.history.append(metrics)
        if self.best_epoch < 0 or _rank(metrics) > _rank(self.history[self.best_epoch]):
            self.best_epoch = self.epoch - 1
            self.best = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _rank(metrics: dict[str, Any]) -> tuple[float, float]:
    """Order epochs: the larger, the better."""
    return metrics["valid_accuracy"], -metrics["valid_loss"]


def save_checkpoint(
    out: Path,
    reached: Checkpoint,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    data: dict[str, Any],
) -> None:
    """Write `out`/checkpoint/last.safetensors.

    Args:
        out: Folder of the run.
        reached: What the run knows after its last epoch.
        model: The model after that epoch.
        optimizer: Its optimiser.
        config: How it trains.
        data: What tells the run's data from other data, as JSON values.

    Raises:
        OSError: It could not be written; the one before is still whole.
    """
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in reached.best.items()}
    for index, entries in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in entries.items()}
    info = {
        "config": asdict(config),
        "data": data,
        "history": reached.history,
        "best_epoch": reached.best_epoch,
    }
    (out / NAME).parent.mkdir(parents=True, exist_ok=True)
    write_tensors(out / NAME, KIND, VERSION, tensors, info)


def load_checkpoint(
    out: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    data: dict[str, Any],
) -> Checkpoint:
    """Put a run back where its last checkpoint left it; a folder without one starts fresh.

    Args:
        out: Folder of the run.
        model: The model to fill.
        optimizer: The optimiser to fill.
        config: How the run trains now, which must be as it trained before.
        data: What tells the run's data from other data, as `save_checkpoint` was given it.

    Raises:
        ValueError: The checkpoint is of another version, or of a run with other settings or data.
    """
    if not (out / NAME).is_file():
        return Checkpoint()
    tensors, info = read_tensors(out / NAME, KIND, VERSION)
    _check_same("config", info["config"], asdict(config), out)
    _check_same("data", info["data"], data, out)
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimizer": {}}
    for name, tensor in tensors.items():
        part, rest = name.split(".", 1)
        parts[part][rest] = tensor
    model.load_state_dict(parts["model"])
    state = optimizer.state_dict()
    for name, tensor in parts["optimizer"].items():
        index, entry = name.split(".", 1)
        state["state"].setdefault(int(index), {})[entry] = tensor
    optimizer.load_state_dict(state)
    return Checkpoint(info["history"], info["best_epoch"], parts["best"])


def _check_same(what: str, old: dict[str, Any], new: dict[str, Any], out: Path) -> None:
    """Refuse to go on with other values than a run began with."""
    for key in old.keys() | new.keys():
        longer = key == "epochs" and new.get(key, 0) > old.get(key, 0)
        if old.get(key) != new.get(key) and not longer:
            raise ValueError(
                f"{what} {key} must be {old.get(key)!r} to resume {out}, got {new.get(key)!r}; "
                "resume with the same settings or choose another folder"
            )
