"""What a run over tasks keeps between them, in one file: weights, the learner's state, accuracies so far."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from snn.continual.learner import Learner
from snn.continual.tasks import Task
from snn.core.checks import finite, number, refusal, whole
from snn.core.files.hdf5 import naming
from snn.core.files.json_file import fields_of
from snn.nn import Layer
from snn.train.config import TrainConfig
from snn.train.fingerprint import fingerprint
from snn.train.model_files import fill
from snn.train.run_identity import first_difference, identity, qualified_name
from snn.train.state_tree import join, split
from snn.train.tensor_files import open_tensors, write_tensors

__all__ = ["TaskState", "load_tasks", "run_identity", "save_tasks"]

KIND, VERSION, NAME = "snn.tasks", 1, "checkpoint/tasks.safetensors"
_FIELDS = ("identity", "rows", "untrained", "valid", "seconds", "kept", "learner")


@dataclass
class TaskState:
    """Hold what a run over N tasks knows after some of them, besides model and learner.

    Attributes:
        untrained: Accuracy of the untrained model on each task, [N].
        rows: Accuracies on all tasks after each that is done, [tasks done][N].
        valid: Accuracy on the validation samples of each task after the last one; () before.
        seconds: CPU seconds of each task done.
        kept: Numbers that the learner kept after each task done.
    """

    untrained: list[float]
    rows: list[list[float]] = field(default_factory=list)
    valid: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)


def run_identity(
    model: Layer, tasks: Sequence[Task], config: TrainConfig, learner: Learner, hold_norm: bool
) -> dict[str, Any]:
    """Say what a run over tasks is, in JSON values; a run is resumed only as what it was."""
    streams = {}
    for i, task in enumerate(tasks):
        data = {part: fingerprint(getattr(task, part)) for part in ("train", "valid", "test")}
        outputs = None if task.outputs is None else list(task.outputs)
        streams[f"task {i + 1}"] = {"name": task.name, "outputs": outputs, **data}
    whole_run = identity(model, streams, config, learner, None)
    about = {"kind": qualified_name(type(learner)), **learner.describe()}
    plain: dict[str, Any] = json.loads(json.dumps({"learner": about, "hold_norm": hold_norm}))
    return {name: whole_run[name] for name in ("model", "data", "config")} | plain


def save_tasks(out: Path, state: TaskState, model: Layer, learner: Learner, identity: dict[str, Any]) -> None:
    """Write `out`/checkpoint/tasks.safetensors.

    Raises:
        ValueError: The learner's state holds something that cannot be kept.
        OSError: It could not be written; the one before is still whole.
    """
    kept, tensors = split("learner", learner.state_dict())
    tensors |= {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    (out / NAME).parent.mkdir(parents=True, exist_ok=True)
    info = {"identity": identity, **asdict(state), "learner": kept}
    write_tensors(out / NAME, KIND, VERSION, tensors, info)


def load_tasks(out: Path, model: Layer, learner: Learner, identity: dict[str, Any]) -> TaskState | None:
    """Put model and learner back where the last task left them; None where nothing is kept.

    Raises:
        ValueError: The file is damaged, of another version, or of another run.
    """
    path = out / NAME
    if not path.is_file():
        return None
    file = open_tensors(path, KIND, VERSION)
    with naming(path):
        info = fields_of("info", file.info, _FIELDS)
        was = fields_of("identity", info["identity"], tuple(identity))
    for part, wanted in identity.items():
        found = first_difference(was[part], wanted)
        if found is not None:
            place, before, now = found
            name = "tasks" if part == "data" else part
            raise ValueError(
                f"{f'{name} {place}'.strip()} must be {before} to resume {out}, got {now}; "
                "resume with the same settings or choose another folder"
            )
    n_tasks = len(identity["data"])
    with naming(path):
        state = _checked(info, n_tasks)
    tensors = file.tensors()
    weights: dict[str, Tensor] = {
        name.removeprefix("model."): tensor for name, tensor in tensors.items() if name.startswith("model.")
    }
    fill(model, weights, f"weights in {path}")
    with naming(path):
        learner.load_state_dict(join(info["learner"], tensors))
    return state


def _checked(info: dict[str, Any], n_tasks: int) -> TaskState:
    """Check the accuracies, times and sizes of a file."""
    rows = info["rows"]
    if not isinstance(rows, list) or len(rows) > n_tasks:
        raise refusal("rows", f"at most {n_tasks} rows of accuracies", rows)
    done, last = len(rows), n_tasks if len(rows) == n_tasks else 0
    state = TaskState(_accuracies("untrained", info["untrained"], n_tasks))
    state.rows = [_accuracies(f"rows[{i}]", row, n_tasks) for i, row in enumerate(rows)]
    state.valid = _accuracies("valid", info["valid"], last)
    for name in ("seconds", "kept"):
        if not isinstance(info[name], list) or len(info[name]) != done:
            raise refusal(name, f"{done} numbers, one for each task done", info[name])
    state.seconds = [number("seconds", value, low=0) for value in info["seconds"]]
    state.kept = [whole("kept", value, low=0) for value in info["kept"]]
    return state


def _accuracies(name: str, values: Any, count: int) -> list[float]:
    if not isinstance(values, list) or len(values) != count:
        raise refusal(name, f"{count} accuracies", values)
    return [float(value) for value in finite(name, values, low=0, high=1)] if values else []
