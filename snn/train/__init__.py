"""Train, evaluate, save: surrogate-gradient training in a few calls."""

from __future__ import annotations

from snn.train.batches import Data, prepare
from snn.train.config import TrainConfig
from snn.train.epoch import Progress
from snn.train.gradient_hook import OnGradients
from snn.train.loop import FitResult, Scores, evaluate, fit, write_metrics
from snn.train.losses import LOSSES, Loss, register_loss, softmax_sum
from snn.train.methods import BatchResult, backward, check_method
from snn.train.model_files import load, read_info, save
from snn.train.schedules import (
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

__all__ = [
    "IIR_NEURON",
    "LOSSES",
    "SCORES",
    "BatchResult",
    "Data",
    "FitResult",
    "Loss",
    "OnGradients",
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
