"""Blocks of Neo: ours again, those of others, windows that include their end."""

from __future__ import annotations

import numpy as np
import pytest
from recorded import SERIES, random_spikes

import snn
from snn.interop.neo import from_block, to_block

neo = pytest.importorskip("neo", reason="neo is not installed")
DT = 0.1


def train(times, *, units="ms", t_stop=10.0, **given):
    return neo.SpikeTrain(np.asarray(times), units=units, t_stop=t_stop, **given)


@pytest.mark.parametrize("stamp", ["middle", "start"])
def test_round_trip(stamp):
    spikes = random_spikes(4, DT, samples=3)
    block = to_block(spikes, stamp=stamp)
    found = from_block(block)
    assert found.spikes == spikes and found.notes == ()
    assert {name: type(one) for name, one in found.spikes.items()} == {n: type(s) for n, s in spikes.items()}
    assert [len(segment.spiketrains) for segment in block.segments] == [50] * 3
    events = spikes["between"]
    second = events.select([1])
    for unit in range(10):
        own = block.segments[1].spiketrains[10 + unit]
        assert own.annotations["population"] == "between" and own.annotations["unit"] == unit
        assert np.array_equal(own.rescale("ms").magnitude, np.sort(second.time_ms[second.unit == unit]))
        assert float(own.t_stop) == 700 * DT
    one = from_block(block.segments[2]).spikes
    assert one == {name: events.select([2]) for name, events in spikes.items()}


def test_trains_of_others():
    trains = [train([2.5, 1.0], units="s", t_start=1.0), train([9.75], units="s", t_start=1.0)]
    events = from_block(trains, 250.0).spikes["units"]
    assert isinstance(events, snn.TimedEvents) and events.n_steps.tolist() == [36]
    assert (events.step.tolist(), events.unit.tolist()) == ([0, 6, 35], [0, 0, 1])
    assert events.time_ms.tolist() == [0.0, 1500.0, 8750.0]
    wave = from_block([train([1.0], waveforms=np.zeros((1, 1, 3)))], 1.0)
    assert wave.notes == ("Waveforms are not kept.",)


def test_times_that_were_rounded_keep_their_steps():
    time = (SERIES * DT).astype(np.float32)
    assert (np.floor(time.astype(np.float64) / DT) != SERIES).sum() == 1998, "a plain floor moves so many"
    events = from_block([neo.SpikeTrain(time, units="ms", t_stop=500.0)], DT).spikes["units"]
    assert np.array_equal(events.step, SERIES)
    again = from_block(to_block({"units": events})).spikes["units"]
    assert again.on_grid() == events.on_grid()


def test_windows_of_neo_include_their_end():
    with pytest.raises(
        ValueError, match=r"units\[1\] must be before the end, 10 \(10 steps\): windows .* half-open"
    ):
        from_block([train([1.0, 10.0])], 1.0)
    assert from_block([train([1.0, 10.0])], 1.0, n_steps=11).spikes["units"].step.tolist() == [1, 10]
    block = to_block({"in": snn.Events([3, 5], [0, 0], [0, 2], 1, 1.0, 10)}, stamp="start")
    (own,) = block.segments[0].spiketrains
    quantity = own.units
    assert own.time_slice(3 * quantity, 5 * quantity).magnitude.tolist() == [3.0, 5.0], "ours would be [3, 5)"


def test_refused():
    two = neo.Block()
    for count in (1, 2):
        two.segments.append(neo.Segment())
        two.segments[-1].spiketrains.extend([train([1.0])] * count)
    cases = [
        ([], {}, "source must be a Block, a Segment or a list of SpikeTrain, with trains"),
        (neo.Block(), {}, "source must be a Block, a Segment or a list of SpikeTrain, with trains"),
        ([np.zeros(3)], {}, r"spiketrains\[0\] must be a neo.SpikeTrain"),
        ([train([1.0])], {"dt_ms": None}, r"dt_ms must be given, as segments\[0\]: units says no time step"),
        (
            [train([1.0]), train([1.0], t_stop=9.0)],
            {},
            r"unit, t_start, t_stop, .* of segments\[0\]: units\[1\] must",
        ),
        ([train([1.0]), train([1.0], units="s")], {}, r"unit, t_start, .* must be \('ms', 0.0, 10.0"),
        (
            two,
            {},
            r"segments\[1\] must be of trains by population \{'units': 1\}, as the first, got \{'units': 2\}",
        ),
    ]
    for source, given, message in cases:
        with pytest.raises(ValueError, match=message):
            from_block(source, **{"dt_ms": 1.0, **given})
    events = random_spikes(0, DT)["grid"]
    with pytest.raises(
        ValueError, match=r"spikes must be of as many samples in each population, got \[1, 2\]"
    ):
        to_block({"a": events, "b": events.select([0, 0])})


def test_elephant_agrees_on_rates_and_intervals():
    pytest.importorskip("elephant", reason="elephant is not installed")
    from elephant.conversion import BinnedSpikeTrain
    from elephant.statistics import isi, mean_firing_rate

    events = random_spikes(5, 1.0)["grid"]
    trains = to_block({"grid": events}).segments[0].spiketrains
    z = events.to_raster().z[:, 0]
    binned = BinnedSpikeTrain(list(trains), bin_size=trains[0].units, n_bins=700, tolerance=None)
    assert np.array_equal(binned.to_array(), z.T)
    for unit, own in enumerate(trains):
        assert np.isclose(float(mean_firing_rate(own)), z[:, unit].sum() / 700.0)
        assert np.allclose(isi(own).magnitude, np.diff(np.sort(events.step[events.unit == unit])))
