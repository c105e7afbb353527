"""Train, evaluate, save: surrogate-gradient training on one page."""

from __future__ import annotations

from snn.train.config import TrainConfig
from snn.train.files import load, read_info, save
from snn.train.loop import Data, FitResult, Progress, Scores, evaluate, fit, prepare, write_metrics
from snn.train.losses import LOSSES, Loss, softmax_sum
from snn.train.methods import Outcome, backward, check_method
from snn.train.schedules import delay_rate, make_optimizer, one_cycle, set_epoch, sigma_at

__all__ = [
    "LOSSES",
    "Data",
    "FitResult",
    "Loss",
    "Outcome",
    "Progress",
    "Scores",
    "TrainConfig",
    "backward",
    "check_method",
    "delay_rate",
    "evaluate",
    "fit",
    "load",
    "make_optimizer",
    "one_cycle",
    "prepare",
    "read_info",
    "save",
    "set_epoch",
    "sigma_at",
    "softmax_sum",
    "write_metrics",
]
