"""Run a network on input events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from snn.core.checks import choice, refusal, shown, whole
from snn.core.events import Events, Raster
from snn.core.exact.run import run_exact
from snn.core.exact.state import ExactState
from snn.core.grid.request import Dtype as Dtype
from snn.core.grid.request import check_on_grid, read_request
from snn.core.grid.run import run_on_grid
from snn.core.network import Network
from snn.core.random import check_seed
from snn.core.recording import Record, Recording
from snn.core.state import SimulationState

Engine = Literal["event", "clock", "exact"]


def simulate(
    net: Network,
    inputs: Mapping[str, Events | Raster] | None = None,
    n_steps: int | None = None,
    *,
    engine: Engine = "event",
    currents: Mapping[str, Any] | None = None,
    record: Record | None = None,
    state: SimulationState | None = None,
    seed: int | None = None,
    dtype: Dtype = "float64",
    threads: int = 1,
) -> Recording:
    """Run `net` on a batch of samples.

    Args:
        net: The network.
        inputs: Spikes of its source populations, on its `dt_ms`; a source left out is silent.
            Each sample runs for its own length (the longest of its sources).
        n_steps: Steps to run instead, the same for all samples, at least as long as the inputs.
            Required without inputs. A run has at most 10^9 steps.
        engine: `"event"` works only where a spike arrives; `"clock"` updates every neuron in
            every step. Both give the same spikes, membranes and counts, bit for bit. `"exact"`
            leaves the grid (`snn.core.exact`): inputs may be `TimedEvents`, spikes are.
        currents: Drive on top of the bias, per population: [N], [T, N] or [T, B, N], where T is
            the length of the longest sample, B the number of samples. Constant within a step.
        record: What to keep; None keeps the spikes of all populations with neurons.
        state: `Recording.state` of an earlier run of the same network, which then goes on;
            steps count from the cut. It must fit `net` in every part (`SimulationState.check`).
        seed: Seed of the network's noise, from -2^63 to 2^64 - 1; None is 0, or that of `state`.
        dtype: Numbers of membranes, currents and weights. With `"float32"`, which is faster, the
            engines equal each other bit for bit too; other forms of the network are float64.
        threads: Samples run side by side; results do not depend on it.

    Raises:
        ValueError: A name, size, length, step, option or part of the state is not as said, or membranes, currents
            or weights left the range of `dtype` in the run; the message names it.
        TypeError: An argument is of another kind: an input neither `Events` nor `Raster`, say.
        MemoryError: The run, or the membranes to record, would not fit; `stream` keeps those on disk.
    """
    choice("engine", engine, Engine)
    choice("dtype", dtype, Dtype)
    seed = None if seed is None else check_seed(seed)
    threads = whole("threads", threads, low=1)
    check_kinds(net, record, state)
    if state is not None:
        _check_state(net, state, engine, seed, dtype)
    request = read_request(net, inputs, n_steps, currents, record or Record(), state)
    if engine == "exact":
        if dtype != "float64":
            raise refusal("dtype", "'float64' with engine='exact'", dtype)
        return run_exact(net, request, state)
    check_on_grid(request, dtype)
    seed = seed or 0 if state is None else state.seed
    return run_on_grid(net, request, state, engine=engine, seed=seed, dtype=dtype, threads=threads)


def check_kinds(net: Any, record: Any, state: Any = None) -> None:
    """Refuse arguments of another kind than `simulate` says.

    Raises:
        TypeError: As said above; the message names the argument.
    """
    kinds = {"net": (net, Network), "record": (record, Record), "state": (state, SimulationState)}
    for name, (given, kind) in kinds.items():
        if not isinstance(given, kind) and (given is not None or name == "net"):
            raise TypeError(f"{name} must be a {kind.__name__}, got {shown(given)}")


def _check_state(net: Network, state: SimulationState, engine: str, seed: int | None, dtype: str) -> None:
    """Refuse a state from which this run cannot go on."""
    if (engine == "exact") != isinstance(state, ExactState):
        made_by = "engine='exact'" if isinstance(state, ExactState) else "an engine on the grid"
        raise ValueError(
            f"state is of {made_by}, and only such an engine goes on from it, got engine={engine!r}"
        )
    state.check(net)
    if engine == "exact":
        return
    if seed is not None and seed != state.seed:
        raise refusal("seed", f"left out or {state.seed}, that of the state's run", seed)
    if state.dtype != dtype:
        raise refusal("dtype", f"{state.dtype!r}, that of the state's run", dtype)
