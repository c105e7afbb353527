"""Spikes off the grid: sorted, cut, padded, and refused where only steps are kept."""

from __future__ import annotations

import pytest
from exact_networks import one_neuron, spikes_at

from snn.core import Events, LIParams, TimedEvents, simulate


def test_timed_events():
    events = TimedEvents.from_times(
        [[2.5, 0.3, 2.1], [], [1.0]], [[0, 1, 0], [], [1]], n_units=2, dt_ms=1.0, n_steps=4
    )
    assert events.time_ms.tolist() == [0.3, 2.1, 2.5, 1.0]
    assert events.on_grid() == Events.from_lists(
        [[0, 2, 2], [], [1]], [[1, 0, 0], [], [1]], n_units=2, dt_ms=1.0, n_steps=4
    )
    assert events.slice(2).time_ms.tolist() == pytest.approx([0.1, 0.5])
    assert events.select([2, 0]).time_ms.tolist() == [1.0, 0.3, 2.1, 2.5]
    assert events.select([0, 1, 2]) == events
    assert events != events.pad(1)
    assert events.pad(1).n_steps.tolist() == [5] * 3
    with pytest.raises(ValueError, match="off the grid"):
        simulate(one_neuron(LIParams(decay=0.5)), {"in": spikes_at([1.5], 3)})
    with pytest.raises(ValueError, match=r"step\[0\] must be in \[0, 4\) .*, got 4"):
        spikes_at([4.2], 4)
    with pytest.raises(ValueError, match="lists of the same lengths"):
        TimedEvents.from_times([[1.0]], [[]], n_units=1, dt_ms=1.0, n_steps=4)
    with pytest.raises(ValueError, match="keeps steps, not times"):
        events.save("events.h5")
