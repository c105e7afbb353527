"""All that the next epoch of a run depends on, in one file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from snn.core.checks import number, refusal, whole
from snn.core.files.hdf5 import naming
from snn.core.files.json_file import fields_of
from snn.train.gradient_hook import OnGradients, hook_state, restore_hook
from snn.train.model_files import fill
from snn.train.run_identity import check_identity, check_same_run
from snn.train.scores import BUILT_IN
from snn.train.state_tree import join, split
from snn.train.tensor_files import open_tensors, write_tensors

__all__ = ["Checkpoint", "has_checkpoint", "load_checkpoint", "save_checkpoint"]

KIND, VERSION, NAME = "snn.checkpoint", 4, "checkpoint/last.safetensors"
_FIELDS = ("identity", "history", "best_epoch", "steps", "optimizer", "on_gradients")


@dataclass
class Checkpoint:
    """Hold what a run knows after an epoch, besides model, optimiser and hook.

    Attributes:
        select: What the best epoch is the best by: `TrainConfig.select`.
        history: The metrics of every epoch done.
        best_epoch: Epoch of the best validation (ties: lower validation loss), -1 before the first.
        best: The model's tensors after that epoch.
        steps: Steps of the optimiser done.
    """

    select: str = "accuracy"
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = -1
    best: dict[str, Tensor] = field(default_factory=dict)
    steps: int = 0

    @property
    def epoch(self) -> int:
        """The next epoch to run."""
        return len(self.history)

    def add(self, metrics: dict[str, Any], model: nn.Module) -> None:
        """Add an epoch; keep the model's tensors if it is the best so far."""
        self.history.append(metrics)
        if self.best_epoch < 0 or self._rank(metrics) > self._rank(self.history[self.best_epoch]):
            self.best_epoch = self.epoch - 1
            self.best = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    def _rank(self, metrics: dict[str, Any]) -> tuple[float, ...]:
        """Order epochs: the larger, the better."""
        first = () if self.select == BUILT_IN[1] else (metrics[f"valid_{self.select}"],)
        return *first, -metrics["valid_loss"]


def save_checkpoint(
    out: Path,
    reached: Checkpoint,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    hook: OnGradients | None,
    identity: dict[str, Any],
) -> None:
    """Write `out`/checkpoint/last.safetensors.

    Args:
        out: Folder of the run.
        reached: What the run knows after its last epoch.
        model: The model after that epoch.
        optimizer: Its optimiser; all of its state is kept.
        hook: What is done to gradients; its state is kept.
        identity: What the run is, from `run_identity.identity`.

    Raises:
        ValueError: The state of optimiser or hook holds something that cannot be kept.
        OSError: It could not be written; the one before is still whole.
    """
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in reached.best.items()}
    kept: dict[str, Any] = {}
    for name, state in (("optimizer", optimizer.state_dict()), ("on_gradients", hook_state(hook))):
        kept[name], found = split(name, state)
        tensors |= found
    info = {
        "identity": identity,
        "history": reached.history,
        "best_epoch": reached.best_epoch,
        "steps": reached.steps,
        **kept,
    }
    (out / NAME).parent.mkdir(parents=True, exist_ok=True)
    write_tensors(out / NAME, KIND, VERSION, tensors, info)


def has_checkpoint(out: Path) -> bool:
    """Tell whether a run left a checkpoint in its folder."""
    return (out / NAME).is_file()


def load_checkpoint(
    out: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    hook: OnGradients | None,
    identity: dict[str, Any],
) -> Checkpoint:
    """Put a run back where its last checkpoint left it; a folder without one starts fresh.

    Args:
        out: Folder of the run.
        model: The model to fill.
        optimizer: The optimiser to fill.
        hook: What is done to gradients, to be put back as well.
        identity: What the run is now, which must be what it was; it may have more epochs. Its
            `init` becomes that of the run.

    Raises:
        ValueError: The checkpoint is damaged, of another version, or of another run.
    """
    select = identity["config"]["select"]
    if not has_checkpoint(out):
        return Checkpoint(select)
    path = out / NAME
    file = open_tensors(path, KIND, VERSION)
    with naming(path):
        info = fields_of("info", file.info, _FIELDS)
        check_identity(info["identity"])
    check_same_run(info["identity"], identity, out)
    identity["init"] = info["identity"]["init"]  # what the run began with stays so in its next checkpoint
    with naming(path):
        reached = Checkpoint(
            select, _history(info["history"], select), steps=whole("steps", info["steps"], low=0)
        )
        reached.best_epoch = whole("best_epoch", info["best_epoch"], low=0, high=reached.epoch - 1)
    tensors = file.tensors()
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[rest] = tensor
    fill(model, parts["best"], f"the best weights in {path}")
    fill(model, parts["model"], f"weights in {path}")
    reached.best = parts["best"]
    try:
        with naming(path):
            _restore_optimizer(optimizer, join(info["optimizer"], tensors))
            restore_hook(hook, join(info["on_gradients"], tensors))
    except (ImportError, OSError, MemoryError, ValueError):
        raise
    except Exception as error:  # both may be a user's
        raise ValueError(f"{path}: state of optimiser and hook must be theirs, got {error!r}") from error
    return reached


def _history(lines: Any, select: str) -> list[dict[str, Any]]:
    """Check the metrics of the epochs done, at least one.

    Raises:
        ValueError: One is missing, or has not what epochs are selected by.
    """
    if not isinstance(lines, list) or not lines:
        raise refusal("history", "the metrics of at least one epoch", lines)
    needed = {f"valid_{select}", f"valid_{BUILT_IN[1]}"}
    for epoch, metrics in enumerate(lines):
        where = f"history[{epoch}]"
        if (
            not isinstance(metrics, dict)
            or type(metrics.get("epoch")) is not int
            or metrics["epoch"] != epoch
        ):
            raise refusal(where, f"the metrics of epoch {epoch}", metrics)
        for name in needed:
            number(f"{where}.{name}", metrics.get(name), infinite=True)
    return lines


def _restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load an optimiser's state with the number types that it was saved with.

    torch's own `load_state_dict` turns all state of a parameter into the parameter's number type.
    """
    optimizer.load_state_dict(state)
    if type(optimizer).load_state_dict is not torch.optim.Optimizer.load_state_dict:
        return  # an optimiser that reads its state in a way of its own
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for key, saved in state["state"].items():
        owner = parameters[key] if isinstance(key, int) else key
        optimizer.state[owner] = _on_device(saved, optimizer.state[owner])


def _on_device(saved: Any, loaded: Any) -> Any:
    """Give a tree as saved, its tensors on the devices of those in `loaded`."""
    if isinstance(saved, Tensor):
        return saved.to(loaded.device)
    if isinstance(saved, dict):
        return {key: _on_device(item, loaded[key]) for key, item in saved.items()}
    if isinstance(saved, list | tuple):
        return type(saved)(_on_device(a, b) for a, b in zip(saved, loaded, strict=True))
    return saved
