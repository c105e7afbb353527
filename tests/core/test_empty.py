"""Nothing at all, run: no steps, no samples, no events, no synapses."""

from __future__ import annotations

import numpy as np
import pytest

from snn.core import (
    STDP,
    Events,
    LIFParams,
    LIParams,
    Network,
    Population,
    Projection,
    Raster,
    Record,
    Recording,
    TimeGrid,
    simulate,
    stream,
    with_learned_weights,
)


def network(plastic=False, weight=0.7):
    rule = STDP(0.1, 0.1) if plastic else None
    return Network(
        1.0,
        [
            Population("in", 3),
            Population("a", 4, LIFParams(tau_mem_ms=5.0, tau_syn_ms={"e": 2.0, "i": 3.0}, t_ref_ms=2.0)),
            Population("out", 2, LIParams(tau_mem_ms=9.0)),
        ],
        [
            Projection("in", "a", np.full((3, 4), weight), 2.0, receptor="e", plasticity=rule),
            Projection("a", "out", np.full((4, 2), weight), 0.0),
        ],
    )


def raster(steps, samples, lengths=None):
    return Raster(np.zeros((steps, samples, 3), dtype=int), TimeGrid(steps, 1.0), lengths)


KEEP = Record(spikes=["in", "a"], v=["a", "out"])


@pytest.mark.parametrize("engine", ["event", "clock", "exact"])
@pytest.mark.parametrize(("steps", "samples"), [(0, 0), (0, 2), (3, 0), (3, 2)])
@pytest.mark.parametrize("plastic", [False, True])
@pytest.mark.parametrize("weight", [0.7, 0.0])
def test_empty_batches_run_and_go_on(engine, steps, samples, plastic, weight):
    if engine == "exact" and plastic:
        pytest.skip("engine='exact' does not learn")
    net, state, counts = network(plastic, weight), None, None
    for _ in range(2):
        rec = simulate(net, {"in": raster(steps, samples)}, record=KEEP, state=state, engine=engine)
        assert rec.v["a"].shape == (steps if samples else 0, samples, 4)
        assert len(rec.spikes["a"]) == samples and rec.spikes["a"].n_events == 0
        state, counts = rec.state, rec.counts if counts is None else counts + rec.counts
    assert len(state) == samples and counts.samples == samples and counts.steps == 2 * steps * samples
    if plastic and samples:
        assert with_learned_weights(net, state).projection("in-a").weight.shape == (3, 4)


def test_samples_of_length_0_stay_as_they_are():
    net, z = network(), np.zeros((6, 3, 3), dtype=int)
    z[:, ::2] = 1
    events = Raster(z, TimeGrid(6, 1.0), [6, 0, 6]).to_events()
    recs = [simulate(net, {"in": events}, record=KEEP, engine=engine) for engine in ("event", "clock")]
    for rec in recs:
        assert rec.spikes["a"].n_steps.tolist() == [6, 0, 6]
        assert np.isnan(rec.v["a"][:, 1]).all() and np.isfinite(rec.v["a"][:, ::2]).all()
        assert (rec.state.v["a"][1] == 0.0).all() and rec.state.steps.tolist() == [6, 0, 6]
    assert recs[0].counts == recs[1].counts
    later = [simulate(net, {"in": raster(4, 3)}, state=rec.state).spikes["a"] for rec in recs]
    assert later[0] == later[1]


@pytest.mark.parametrize(("steps", "samples"), [(0, 0), (0, 2), (3, 0)])
def test_empty_runs_stream(tmp_path, steps, samples):
    net = network()
    counts = stream(net, {"in": raster(steps, samples)}, tmp_path, chunk=2, record=KEEP)
    assert counts.samples == samples and counts.steps == 0
    loaded = Recording.load(tmp_path)
    assert loaded.v["a"].shape == (steps if samples else 0, samples, 4) and len(loaded.spikes["a"]) == samples
    assert stream(net, {"in": raster(steps, samples)}, tmp_path, record=KEEP, resume=True) == counts


def test_empty_events_convert():
    for steps, samples in [(0, 0), (0, 2), (3, 0)]:
        events = raster(steps, samples).to_events()
        assert len(events) == samples and events.slice(0).pad(2).n_steps.tolist() == [steps + 2] * samples
        assert events.select([]).to_raster().z.shape == (0, 0, 3)
        assert events.to_raster(steps).z.shape == (steps, samples, 3)
    assert Events.from_lists([], [], n_units=1, dt_ms=1.0, n_steps=5).n_events == 0
