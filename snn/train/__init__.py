"""Train, evaluate, save: surrogate-gradient training in a few calls.

Each name loads with its module when first used: all but the settings bring torch in.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "IIR_NEURON",
    "LOSSES",
    "BatchResult",
    "Data",
    "FitResult",
    "Loss",
    "Progress",
    "ReducedRun",
    "Scores",
    "TrainConfig",
    "backward",
    "check_method",
    "convert",
    "delay_learning_rate",
    "evaluate",
    "fit",
    "fold_batch_norm",
    "learning_rate",
    "load",
    "make_optimizer",
    "one_cycle",
    "prepare",
    "read_info",
    "reduce_steps",
    "save",
    "set_epoch",
    "sigma_at",
    "softmax_sum",
    "write_metrics",
]

_MODULES = {
    "IIR_NEURON": "time_step_reduction",
    "LOSSES": "losses",
    "BatchResult": "methods",
    "Data": "loop",
    "FitResult": "loop",
    "Loss": "losses",
    "Progress": "loop",
    "ReducedRun": "time_step_reduction",
    "Scores": "loop",
    "TrainConfig": "config",
    "backward": "methods",
    "check_method": "methods",
    "convert": "time_step_reduction",
    "delay_learning_rate": "schedules",
    "evaluate": "loop",
    "fit": "loop",
    "fold_batch_norm": "time_step_reduction",
    "learning_rate": "schedules",
    "load": "model_files",
    "make_optimizer": "schedules",
    "one_cycle": "schedules",
    "prepare": "loop",
    "read_info": "model_files",
    "reduce_steps": "time_step_reduction",
    "save": "model_files",
    "set_epoch": "schedules",
    "sigma_at": "schedules",
    "softmax_sum": "losses",
    "write_metrics": "loop",
}

if TYPE_CHECKING:
    from snn.train.config import TrainConfig
    from snn.train.loop import Data, FitResult, Progress, Scores, evaluate, fit, prepare, write_metrics
    from snn.train.losses import LOSSES, Loss, softmax_sum
    from snn.train.methods import BatchResult, backward, check_method
    from snn.train.model_files import load, read_info, save
    from snn.train.schedules import (
        delay_learning_rate,
        learning_rate,
        make_optimizer,
        one_cycle,
        set_epoch,
        sigma_at,
    )
    from snn.train.time_step_reduction import IIR_NEURON, ReducedRun, convert, fold_batch_norm, reduce_steps
else:

    def __getattr__(name: str) -> Any:
        """Load a name with its module."""
        if name in _MODULES:
            return getattr(import_module(f"snn.train.{_MODULES[name]}"), name)
        raise AttributeError(f"module 'snn.train' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
