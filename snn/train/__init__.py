"""Train, evaluate, save: surrogate-gradient training in a few calls."""

from __future__ import annotations

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
