"""The event circuit: the subspace it learns against the algebraic one, on both engines, through files and cuts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.linalg import subspace_angles

import snn
from snn.continual import SubspaceCircuit, signed_events
from snn.core.arrays import Float64Array

LEARNED = "in-sub"


def toy(
    seed: int, patterns: int = 750, n: int = 50, rows: int = 5
) -> tuple[Float64Array, Float64Array, snn.Events]:
    """A random subspace, Gaussian vectors in it with a little noise around it, and their spikes."""
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.standard_normal((n, rows)))
    x = rng.standard_normal((patterns, rows)) @ basis.T + 0.02 * rng.standard_normal((patterns, n))
    return basis, x, signed_events(x, seed=seed)


def largest_angle(circuit: SubspaceCircuit, weights: Float64Array, basis: Float64Array) -> float:
    """Degrees between what was learned and the algebraic subspace: the leading directions of the input itself."""
    return float(np.degrees(subspace_angles(circuit.subspace(weights[0]).T, basis)).max())


@pytest.mark.parametrize("seed", range(3))
def test_it_learns_the_subspace_of_one_long_sample(seed, tmp_path):
    """Streamed in chunks by events, and whole by the clock: the same counts, spikes and weights, bit for bit."""
    basis, x, events = toy(seed)
    algebraic = np.linalg.svd(x, full_matrices=False)[2][:5].T
    circuit = SubspaceCircuit(50, 5, seed=seed)
    net = circuit.network()
    counts = snn.stream(net, {"in": events}, tmp_path, chunk=4000)
    streamed = snn.Recording.load(tmp_path)
    clock = snn.simulate(net, {"in": events}, engine="clock")
    assert counts == clock.counts and streamed.spikes == clock.spikes
    for name in (LEARNED, "lateral"):
        np.testing.assert_array_equal(streamed.weights[name], clock.weights[name])
    assert largest_angle(circuit, streamed.weights[LEARNED], basis) < 3.0
    assert largest_angle(circuit, streamed.weights[LEARNED], algebraic) < 3.0
    at_start = {LEARNED: net.synapses(LEARNED).weight[None]}
    assert largest_angle(circuit, at_start[LEARNED], basis) > 45.0
    lateral, learned = streamed.weights["lateral"], streamed.weights[LEARNED]
    assert lateral.min() > -20.0 and 0.0 < learned.min() and learned.max() < 50.0  # no bound holds a weight


def test_without_lateral_weights_all_neurons_would_find_one_component():
    """Oja's rule alone: one direction with more variance than the others takes all rows."""
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.standard_normal((50, 5)))
    x = (rng.standard_normal((750, 5)) * [3.0, 1.0, 1.0, 1.0, 1.0]) @ basis.T
    events = signed_events(x)
    spread = {}
    for rate in (0.05, 0.0):
        circuit = SubspaceCircuit(50, 5, lateral_rate=rate)
        w = snn.simulate(circuit.network(), {"in": events}).weights[LEARNED][0].reshape(2, 50, 2, 5)
        rows = w[0, :, 0] - w[1, :, 0] - w[0, :, 1] + w[1, :, 1]
        values = np.linalg.svd(rows, compute_uv=False)
        spread[rate] = values[4] / values[0]
    assert spread[0.05] > 4 * spread[0.0]


def test_a_run_that_is_cut_goes_on():
    _, _, events = toy(0, patterns=100)
    net = SubspaceCircuit(50, 5).network()
    whole, state = snn.simulate(net, {"in": events}), None
    for start, stop in ((0, 333), (333, 1500), (1500, 2000)):
        part = snn.simulate(net, {"in": events.slice(start, stop)}, state=state)
        state = part.state
    np.testing.assert_array_equal(part.weights[LEARNED], whole.weights[LEARNED])


def test_the_circuit_lies_in_a_file(tmp_path):
    circuit = SubspaceCircuit(20, 3, forget=0.02, seed=4)
    net = circuit.network()
    net.save(tmp_path / "net.h5")
    assert snn.Network.load(tmp_path / "net.h5").fingerprint == net.fingerprint
    assert dataclasses.replace(circuit, seed=5).network().fingerprint != net.fingerprint
    one = SubspaceCircuit(20, 1).network()
    assert [p.name for p in one.projections] == [LEARNED, "common", "pairs"]


def test_rows_are_those_of_signed_weights():
    """Weights written from known rows, with a part that all share: that part is gone."""
    rows = np.linalg.qr(np.random.default_rng(1).standard_normal((6, 2)))[0].T
    up, down = np.maximum(rows, 0).T + 0.3, np.maximum(-rows, 0).T + 0.3
    w = np.block([[up, down], [down, up]])
    found = SubspaceCircuit(6, 2).subspace(w.ravel())
    np.testing.assert_allclose(found @ found.T, np.eye(2), atol=1e-14)
    np.testing.assert_allclose(found.T @ found, rows.T @ rows, atol=1e-14)


def test_spikes_carry_the_signed_vectors():
    """Counts of both signs differ from the vector by less than one spike, at the mean that was asked for."""
    x = np.random.default_rng(2).standard_normal((40, 7))
    events = signed_events(x, hold=30, spikes_per_step=3.0)
    assert events.n_steps.tolist() == [1200] and events.n_units == 14 and events.dt_ms == 1.0
    counts = events.to_raster().z[:, 0].reshape(40, 30, 14).sum(1)
    assert abs(counts.sum() / 1200 - 3.0) < 0.01
    gain = 3.0 * 30 / np.abs(x).sum(1).mean()
    assert np.abs(counts[:, :7] - gain * np.maximum(x, 0)).max() < 1.0 + 1e-9
    assert np.abs(counts[:, 7:] - gain * np.maximum(-x, 0)).max() < 1.0 + 1e-9
    owed = np.cumsum(gain * np.maximum(x, 0), axis=0) - np.cumsum(counts[:, :7], axis=0)
    assert np.abs(owed).max() < 1.0 + 1e-9  # nothing is lost over vectors
    silent = signed_events(np.zeros((3, 7)), hold=5)
    assert silent.n_steps.tolist() == [15] and silent.step.size == 0
    assert signed_events(np.zeros((0, 7))).n_steps.tolist() == [0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SubspaceCircuit(0, 1), "inputs must be a whole number >= 1, got 0"),
        (lambda: SubspaceCircuit(4, 5), "rows must be a whole number >= 1 and <= 4, got 5"),
        (lambda: SubspaceCircuit(4, 2, forget=0.0), "forget must be a finite number > 0 and <= 1, got 0.0"),
        (lambda: SubspaceCircuit(4, 2, lateral_rate=-1.0), "lateral_rate must be a finite number >= 0"),
        (lambda: SubspaceCircuit(4, 2, seed=-1), "seed must be a whole number >= 0, got -1"),
        (
            lambda: SubspaceCircuit(4, 2).subspace(np.zeros(31)),
            r"weights must be of shape \[32\], one per syn",
        ),
        (lambda: SubspaceCircuit(1, 1).subspace([1, 2, np.nan, 4]), r"weights\[2\] must be finite"),
        (lambda: signed_events(np.zeros(3)), r"x must be vectors \[P, n\]"),
        (lambda: signed_events([[np.inf]]), "must be finite, got inf"),
        (lambda: signed_events([[1.0]], hold=0), "hold must be a whole number >= 1, got 0"),
        (lambda: signed_events([[1.0]], spikes_per_step=0), "spikes_per_step must be a finite number > 0"),
        (lambda: signed_events([[1.0]], seed=0.5), "seed must be a whole number"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
