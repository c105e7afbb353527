"""Train, evaluate, save: surrogate-gradient training in a few calls.

Each name loads with its module when first used: all but the settings bring torch in.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "IIR_NEURON",
    "LOSSES",
    "SCORES",
    "BatchResult",
    "Data",
    "FitResult",
    "Loss",
    "OnGradients",
    "OptimizerMaker",
    "Progress",
    "ReducedRun",
    "Scores",
    "TrainConfig",
    "backward",
    "check_method",
    "convert",
    "cross_entropy_with_mse",
    "delay_learning_rate",
    "evaluate",
    "fit",
    "fold_batch_norm",
    "learning_rate",
    "load",
    "make_optimizer",
    "one_cycle",
    "parameter_groups",
    "prepare",
    "read_info",
    "reduce_steps",
    "register_loss",
    "register_score",
    "save",
    "set_epoch",
    "sigma_at",
    "softmax_sum",
    "write_metrics",
]

_MODULES = {
    "IIR_NEURON": "time_step_reduction",
    "LOSSES": "losses",
    "SCORES": "scores",
    "BatchResult": "methods",
    "Data": "batches",
    "FitResult": "loop",
    "Loss": "losses",
    "OnGradients": "gradient_hook",
    "OptimizerMaker": "schedules",
    "Progress": "epoch",
    "ReducedRun": "time_step_reduction",
    "Scores": "loop",
    "TrainConfig": "config",
    "backward": "methods",
    "check_method": "methods",
    "convert": "time_step_reduction",
    "cross_entropy_with_mse": "losses",
    "delay_learning_rate": "schedules",
    "evaluate": "loop",
    "fit": "loop",
    "fold_batch_norm": "time_step_reduction",
    "learning_rate": "schedules",
    "load": "model_files",
    "make_optimizer": "schedules",
    "one_cycle": "schedules",
    "parameter_groups": "schedules",
    "prepare": "batches",
    "read_info": "model_files",
    "reduce_steps": "time_step_reduction",
    "register_loss": "losses",
    "register_score": "scores",
    "save": "model_files",
    "set_epoch": "schedules",
    "sigma_at": "schedules",
    "softmax_sum": "losses",
    "write_metrics": "loop",
}

if TYPE_CHECKING:
    from snn.train.batches import Data, prepare
    from snn.train.config import TrainConfig
    from snn.train.epoch import Progress
    from snn.train.gradient_hook import OnGradients
    from snn.train.loop import FitResult, Scores, evaluate, fit, write_metrics
    from snn.train.losses import LOSSES, Loss, cross_entropy_with_mse, register_loss, softmax_sum
    from snn.train.methods import BatchResult, backward, check_method
    from snn.train.model_files import load, read_info, save
    from snn.train.schedules import (
        OptimizerMaker,
        delay_learning_rate,
        learning_rate,
        make_optimizer,
        one_cycle,
        parameter_groups,
        set_epoch,
        sigma_at,
    )
    from snn.train.scores import SCORES, register_score
    from snn.train.time_step_reduction import IIR_NEURON, ReducedRun, convert, fold_batch_norm, reduce_steps
else:

    def __getattr__(name: str) -> Any:
        """Load a name with its module."""
        if name in _MODULES:
            return getattr(import_module(f"snn.train.{_MODULES[name]}"), name)
        raise AttributeError(f"module 'snn.train' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
