"""What the commands know of a named experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeAlias, TypeVar

import snn
from snn.core.arrays import PathLike
from snn.train.config import TrainConfig

if TYPE_CHECKING:
    from snn.hardware import Ledger

__all__ = ["Callback", "Config", "Count", "Log", "Reading", "Recipe", "Run", "epoch_line"]

Callback: TypeAlias = "Callable[[snn.train.Progress], None]"
"""Takes a report of every batch and epoch."""
Log = Callable[[str], None]
"""Takes a line of text."""


class Config(Protocol):
    """What a run needs of a recipe's settings, which are a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def train(self) -> TrainConfig:
        """How to train."""
        ...


C = TypeVar("C", bound=Config)
C_in = TypeVar("C_in", bound=Config, contravariant=True)
R = TypeVar("R")
R_out = TypeVar("R_out", covariant=True)


class Run(Protocol[C_in, R_out]):
    """What runs an experiment; `snn.recipes.experiment.Experiment.run` is such."""

    def __call__(
        self,
        config: C_in,
        out: PathLike,
        *,
        resume: bool = False,
        init: PathLike | None = None,
        torch_device: str = "cpu",
        callback: Callback | None = None,
        log: Log | None = None,
    ) -> R_out:
        """Run the experiment and fill its folder.

        Args:
            config: The settings.
            out: The folder.
            resume: Go on with the run in `out`.
            init: A model file whose weights the run begins with; None begins with those of its seed.
            torch_device: Where torch computes, such as "cpu" or "cuda".
            callback: Called after every batch and epoch.
            log: Called with lines of text that say what is used and found.
        """
        ...


def epoch_line(progress: snn.train.Progress) -> str:
    """Say in a line what an epoch of `snn.train.fit` came to."""
    m = progress.metrics or {}
    rates = " ".join(f"{name} {rate:.1%}" for name, rate in m["rates"].items())
    return (
        f"epoch {progress.epoch + 1:>3}/{progress.epochs}  loss {m['train_loss']:.3f}  "
        f"train {m['train_accuracy']:.1%}  valid {m['valid_accuracy']:.1%}  firing {rates}"
    )


@dataclass(frozen=True, slots=True)
class Reading(Generic[C]):
    """Say how the samples of a recipe's models are read again, for `snn simulate` and `snn energy`.

    Attributes:
        fields: Fields of the settings that decide what a model is given; saved with it. One is "data".
        load: Reads training, validation and test samples.
        step_ms: Gives the length of a step of the samples, ms.
        inputs: What a step of a sample is: "spikes" of units in a row, a "frame" of spikes, or "currents", which no
            event engine takes.
    """

    fields: tuple[str, ...]
    load: Callable[[C], tuple[Any, Any, Any]]
    step_ms: Callable[[C], float]
    inputs: Literal["spikes", "frame", "currents"] = "spikes"


class Count(Protocol):
    """Counts what a saved model does, for `snn energy`."""

    def __call__(self, file: PathLike, data: str | None, samples: int | None) -> tuple[Ledger, str]:
        """Give the counts, and what the samples are.

        Args:
            file: The model file.
            data: Where the samples are; None is where the model was trained.
            samples: The first so many of them; None takes all.
        """
        ...


@dataclass(frozen=True, slots=True)
class Recipe(Generic[C, R]):
    """Describe a named experiment: all that `snn train`, `snn simulate` and `snn energy` need of it.

    Attributes:
        name: Its name on the command line and in saved models.
        help: What it does, in one line.
        config: Class of its settings.
        run: Runs it and fills a folder.
        result_lines: Gives the lines that are printed of what a run made.
        samples: How the samples of its models are read again; None: its models are no `Sequential` that is given
            samples of a data set, and `snn simulate` does not run them.
        count: Counts its models; None: `snn energy` counts them on their samples.
        epoch_line: Gives the line that is printed of an epoch that is done.
    """

    name: str
    help: str
    config: type[C]
    run: Run[C, R]
    result_lines: Callable[[R], list[str]]
    samples: Reading[C] | None = None
    count: Count | None = None
    epoch_line: Callable[[snn.train.Progress], str] = epoch_line
