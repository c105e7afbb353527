"""Run a function over a grid of parameters with several seeds; a sweep that was stopped goes on from its file."""

from __future__ import annotations

import csv
import io
import itertools
import json
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from snn.core.arrays import PathLike
from snn.core.checks import choice, number, refusal, shown
from snn.core.files.json_file import fields_of, parse_json, typed
from snn.core.files.whole import existing_file, write_whole
from snn.hardware.report.figure_style import DARK_BLUE, GRID, canvas, log_axis, plain_text, words_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCHEMA, VERSION = "snn.sweep", 1

Value = bool | int | float | str | None
Metrics = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Run:
    """Hold one run: a point of the grid, a seed, and what came out.

    Attributes:
        config: Parameters.
        seed: Seed.
        metrics: Results, finite numbers.
    """

    config: Mapping[str, Value]
    seed: int
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Point:
    """Summarise the runs of one point of the grid over its seeds.

    Attributes:
        config: Parameters.
        seeds: Number of runs.
        mean: Mean of each metric.
        spread: Sample standard deviation of each metric, 0 for one seed.
    """

    config: Mapping[str, Value]
    seeds: int
    mean: Metrics
    spread: Metrics


@dataclass(frozen=True, slots=True)
class Sweep:
    """Hold the runs of a sweep.

    Attributes:
        runs: In the order of the grid, seeds innermost.
    """

    runs: tuple[Run, ...]

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def points(self) -> tuple[Point, ...]:
        """Average over the seeds."""
        groups: dict[str, list[Run]] = {}
        for run in self.runs:
            groups.setdefault(_key(run.config), []).append(run)
        return tuple(_point(group) for group in groups.values())

    def pareto(self, x: str, y: str, *, minimise: tuple[bool, bool] = (True, False)) -> tuple[Point, ...]:
        """Choose the points that no other point beats, by the means of two metrics, in the order of `x`.

        A point is beaten by one that is as good in both metrics and better in one.

        Args:
            x: First metric, by default the smaller the better (energy).
            y: Second metric, by default the larger the better (accuracy).
            minimise: Whether smaller is better, for `x` and for `y`.

        Raises:
            ValueError: A metric that the runs do not have.
        """
        points = self.points()
        scored = [(self._score(p, x, minimise[0]), self._score(p, y, minimise[1]), p) for p in points]
        kept = [
            (a, b, p)
            for a, b, p in scored
            if not any(c <= a and d <= b and (c, d) != (a, b) for c, d, _ in scored)
        ]
        return tuple(p for *_, p in sorted(kept, key=lambda item: item[:2]))

    def plot(
        self, x: str, y: str, *, minimise: tuple[bool, bool] = (True, False), log_x: bool = True
    ) -> Figure:
        """Draw the points with their spread over the seeds, and the front of those that no other beats.

        Args:
            x: Metric of the horizontal axis.
            y: Metric of the vertical axis.
            minimise: Whether smaller is better, for `x` and for `y`.
            log_x: Whether the horizontal axis is logarithmic.
        """
        front, points = self.pareto(x, y, minimise=minimise), self.points()
        figure, axes = canvas(4.6, width=7.0)
        axes.errorbar(
            [p.mean[x] for p in points],
            [p.mean[y] for p in points],
            yerr=[p.spread[y] for p in points],
            xerr=[p.spread[x] for p in points],
            fmt="o",
            color="#9aa6b2",
            ecolor=GRID,
            label="all",
            zorder=1,
        )
        best = ([p.mean[x] for p in front], [p.mean[y] for p in front])
        axes.plot(*best, "o-", color=DARK_BLUE, drawstyle="steps-post", label="not beaten", zorder=3)
        for point in front:
            text = ", ".join(f"{words_of(name)} {value}" for name, value in point.config.items())
            axes.annotate(
                plain_text(text),
                (point.mean[x], point.mean[y]),
                xytext=(5, 5),
                textcoords="offset points",
                fontsize=8,
            )
        axes.margins(x=0.25)  # room for the labels
        seen = [p.mean[x] for p in points]
        if log_x and min(seen) > 0:  # zero has no logarithm
            reach = max(1.4, (max(seen) / min(seen)) ** 0.25)  # room for the labels
            axes.set_xlim(min(seen) / reach, max(seen) * reach**2)
            log_axis(axes.xaxis, min(seen) / reach, max(seen) * reach**2)
        axes.set_xlabel(plain_text(words_of(x)))
        axes.set_ylabel(plain_text(words_of(y)))
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.grid(color=GRID, lw=0.7)
        figure.legend(loc="outside upper left", ncols=2, frameon=False)
        return figure

    def to_csv(self, path: PathLike | None = None) -> str:
        """Write one line per run as CSV: parameters, seed, metrics; and into `path` when given."""
        names = list(dict.fromkeys(name for run in self.runs for name in run.metrics))
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*self.runs[0].config, "seed", *names])
        for run in self.runs:
            writer.writerow([*run.config.values(), run.seed, *(run.metrics.get(name, "") for name in names)])
        if path is not None:
            write_whole(path, text.getvalue().encode())
        return text.getvalue()

    def _score(self, point: Point, metric: str, smaller: bool) -> float:
        mean = point.mean[choice("metric", metric, tuple(point.mean))]
        return mean if smaller else -mean


def sweep(
    function: Callable[[dict[str, Value], int], Metrics],
    grid: Mapping[str, Sequence[Value]],
    *,
    seeds: Sequence[int] = (0,),
    path: PathLike | None = None,
) -> Sweep:
    """Call ``function(config, seed)`` at every point of a grid and collect its metrics.

    Each finished run is a line of `path`, which is written anew, whole or not at all, after each run. Called again
    with the same file, the runs in it are not repeated: a sweep that was stopped goes on, and a larger grid over
    the same parameters only adds. That holds as long as `function` does the same: the file cannot know.

    Args:
        function: From a point of the grid and a seed to numbers by name.
        grid: Values of each parameter: text, whole numbers, floats, truth values or None.
        seeds: Seeds at each point.
        path: File of finished runs, JSON lines; None keeps nothing.

    Returns:
        Every run of this grid, points in the order of the grid, seeds innermost.

    Raises:
        ValueError: An empty grid, a value or seed twice, a metric that is not finite, or a file of another sweep.
        OSError: `path` cannot be written; said before the first run.
    """
    for name, values in {**grid, "seeds": seeds}.items():
        if not len(values) or len({_key({name: v}) for v in values}) < len(values):
            raise refusal(name, "at least one value, and none twice", list(values))
    if not grid or "seed" in grid:
        raise refusal("grid", "of at least one parameter, none of them called seed", list(grid))
    done = {}
    if path is not None:
        done = _read(Path(path), list(grid))
        _write(path, list(grid), done.values())
    runs = []
    for values in itertools.product(*grid.values()):
        config = dict(zip(grid, values, strict=True))
        for seed in seeds:
            run = done.get((_key(config), seed))
            if run is None:
                run = Run(config, seed, _checked(function(dict(config), seed), config, seed))
                done[_key(config), seed] = run
                if path is not None:
                    _write(path, list(grid), done.values())
            runs.append(run)
    return Sweep(tuple(runs))


def _key(config: Mapping[str, Value]) -> str:
    return json.dumps(config, allow_nan=False)


def _checked(metrics: Metrics, config: Mapping[str, Value], seed: int) -> dict[str, float]:
    where = f"at {dict(config)}, seed {seed}"
    return {name: number(f"metric {name!r} {where}", float(value)) for name, value in metrics.items()}


def _point(group: list[Run]) -> Point:
    names = list(group[0].metrics)
    for run in group:
        if list(run.metrics) != names:
            raise refusal(f"metrics at {dict(run.config)}", f"{names} as for other seeds", list(run.metrics))
    values = {name: [run.metrics[name] for run in group] for name in names}
    return Point(
        group[0].config,
        len(group),
        {name: statistics.fmean(v) for name, v in values.items()},
        {name: statistics.stdev(v) if len(v) > 1 else 0.0 for name, v in values.items()},
    )


def _read(path: Path, names: list[str]) -> dict[tuple[str, int], Run]:
    """Read the runs of a file that may not be there yet; a last line without its end is dropped.

    Raises:
        ValueError: The file is of another sweep.
    """
    text = existing_file(path).read_bytes() if path.exists() else b""
    if not text:
        return {}
    head, *lines = text[: text.rfind(b"\n") + 1].splitlines() or [text]
    if head != _head(names).encode():
        found = shown(head.decode(errors="replace"))
        raise ValueError(f"{path} must begin with {_head(names)!r}, got {found}: it is of another sweep")
    runs = [_read_run(f"{path}, line {i}", line, names) for i, line in enumerate(lines, 2)]
    metrics: dict[str, list[str]] = {}
    for i, run in enumerate(runs, 2):
        due = metrics.setdefault(_key(run.config), list(run.metrics))
        if list(run.metrics) != due:
            rule = f"{due}, as for another seed of that point"
            raise refusal(f"{path}, line {i}: metrics", rule, list(run.metrics))
    return {(_key(run.config), run.seed): run for run in runs}


def _read_run(where: str, line: bytes, names: list[str]) -> Run:
    values = fields_of(where, parse_json(line, where), ("config", "seed", "metrics"))
    config = fields_of(f"{where}: config", values["config"], names)
    for name, value in config.items():
        if isinstance(value, dict | list):
            raise refusal(f"{where}: config {name!r}", "text, a number, a truth value or null", value)
    metrics = typed(f"{where}: metrics", values["metrics"], dict, "numbers by name")
    seed = typed(f"{where}: seed", values["seed"], int, "a whole number")
    return Run(config, seed, {name: number(f"{where}: metric {name!r}", metrics[name]) for name in metrics})


def _head(names: list[str]) -> str:
    return json.dumps({"schema": SCHEMA, "version": VERSION, "parameters": names})


def _write(path: PathLike, names: list[str], runs: Iterable[Run]) -> None:
    rows = ({"config": dict(run.config), "seed": run.seed, "metrics": dict(run.metrics)} for run in runs)
    lines = (_head(names), *(json.dumps(row, allow_nan=False) for row in rows))
    write_whole(path, "".join(f"{line}\n" for line in lines).encode())
