"""Hold recordings of SONATA, NWB and Neo against the tools that they are for; how many spikes or edges moved.

usage: check_recordings.py [RECORDINGS]

Needs libsonata, bmtk, pynwb, nwbinspector, neo and elephant, which the package itself does not. Each check draws
RECORDINGS (20) recordings: silent units, simultaneous spikes, times on the grid, between its steps and on them.
"""

from __future__ import annotations

import csv
import importlib.metadata
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import snn
from snn.interop import neo as ours_for_neo
from snn.interop import nwb, sonata

DT, STEPS, UNITS = 0.1, 5000, 20


def recording(seed: int) -> dict[str, snn.Events]:
    """Draw spikes on the grid and off it; half of the units are silent, some spikes are simultaneous."""
    rng = np.random.default_rng(seed)
    size = {"n_units": UNITS, "dt_ms": DT, "n_steps": STEPS}
    steps, unit = rng.integers(0, STEPS, 400), rng.integers(0, UNITS // 2, 400)
    steps[:40], unit[:20] = steps[40:80], unit[40:60]
    times = np.where(rng.random(400) < 0.3, steps * DT, rng.random(400) * STEPS * DT)
    return {
        "grid": snn.Events.from_lists([steps], [unit], **size),
        "between": snn.TimedEvents.from_times([times], [unit], **size),
        "silent": snn.Events.from_lists([[]], [[]], **size),
    }


def times_ms(events: snn.Events) -> np.ndarray:
    """Give what is written for each spike: its own time, or the middle of its step."""
    return events.time_ms if isinstance(events, snn.TimedEvents) else (events.step + 0.5) * DT


def moved(events: snn.Events, time: np.ndarray, unit: np.ndarray, tolerance: float = 0.0) -> int:
    """Count spikes that another reader has elsewhere: off by more than `tolerance`, relative."""
    at = times_ms(events)
    first, second = np.lexsort((events.unit, at)), np.lexsort((unit, time))
    if first.size != second.size:
        return max(first.size, second.size)
    off = np.abs(at[first] - time[second]) > tolerance * at[first]
    return int((off | (events.unit[first] != unit[second])).sum())


def by_libsonata(seed: int, folder: Path) -> Iterator[int]:
    """Ours read by libsonata: spikes, edges and their indices."""
    import libsonata

    spikes = recording(seed)
    sonata.write_spikes(spikes, folder / "s.h5")
    reader = libsonata.SpikeReader(str(folder / "s.h5"))
    for name, events in spikes.items():
        unit, time = np.array(reader[name].get(), dtype=float).reshape(-1, 2).T
        yield moved(events, time, unit.astype(int))
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(30, 40)) * (rng.random((30, 40)) < 0.2)
    delay = rng.integers(1, 90, weight.shape) * DT
    sonata.write_edges([snn.Projection("a", "b", weight, delay)], folder / "e.h5")
    edges = libsonata.EdgeStorage(str(folder / "e.h5")).open_population("a-b")
    for n in range(30):
        mine = edges.efferent_edges([n])
        post = edges.target_nodes(mine)
        yield int((edges.get_attribute("syn_weight", mine) != weight[n, post]).sum())
        yield int((edges.get_attribute("delay", mine) != delay[n, post]).sum()) + abs(
            post.size - np.count_nonzero(weight[n])
        )
    for n in range(40):
        yield int(edges.afferent_edges([n]).flat_size != np.count_nonzero(weight[:, n]))


def by_bmtk(seed: int, folder: Path) -> Iterator[int]:
    """Ours read by bmtk, and what it writes, in its three orders and packed, read here."""
    from bmtk.utils.reports.spike_trains import SpikeTrains, sort_order
    from bmtk.utils.sonata import File

    spikes = recording(seed)
    sonata.write_spikes(spikes, folder / "s.h5")
    theirs = SpikeTrains.from_sonata(str(folder / "s.h5"))
    made = SpikeTrains(population="grid")
    for name, events in spikes.items():
        if not events.n_events:
            continue
        table = theirs.to_dataframe(populations=name)
        yield moved(events, table["timestamps"].to_numpy(), table["node_ids"].to_numpy())
        for unit in np.unique(events.unit):
            made.add_spikes(int(unit), times_ms(events)[events.unit == unit], population=name)
    for order in (sort_order.none, sort_order.by_id, sort_order.by_time):
        made.to_sonata(str(folder / "b.h5"), sort_order=order, compression="gzip")
        for name, found in sonata.read_spikes(
            folder / "b.h5", DT, n_units=UNITS, n_steps=STEPS
        ).spikes.items():
            yield moved(spikes[name], found.time_ms, found.unit)
            yield int((found.step != spikes[name].step).sum())
    weight = np.random.default_rng(seed).normal(size=(5, 7))
    sonata.write_edges([snn.Projection("a", "b", weight, 1.5)], folder / "e.h5")
    (folder / "types.csv").write_text("edge_type_id\n0\n")
    edges = File(data_files=str(folder / "e.h5"), data_type_files=str(folder / "types.csv")).edges["a-b"]
    for n in range(5):
        found = {edge.target_node_id: edge["syn_weight"] for edge in edges.get_source(n)}
        yield sum(found.get(m) != weight[n, m] for m in range(7))


def edges_of_bmtk(seed: int, folder: Path) -> Iterator[int]:
    """A network that bmtk builds, read here: synapses of its own and by type, several in one edge."""
    from bmtk.builder import NetworkBuilder

    rng = np.random.default_rng(seed)
    count, net = rng.integers(0, 4, (6, 6)), NetworkBuilder("v1")
    net.add_nodes(N=6, model_type="point_neuron", model_template="nest:iaf_psc_delta")
    rule = {"connection_rule": lambda source, target: int(count[source.node_id, target.node_id])}
    net.add_edges(source=net.nodes(), target=net.nodes(), syn_weight=0.25, delay=1.5, **rule)
    net.build()
    net.save(output_dir=str(folder / "net"))
    (table,), (edges,) = (folder / "net").glob("*edge_types.csv"), (folder / "net").glob("*edges.h5")
    (projection,) = sonata.read_edges(edges, edge_types=table, n_units=6).projections
    yield int((projection.weight.toarray() != 0.25 * count).sum() + (projection.delay_ms != 1.5).sum())
    with table.open() as rows:
        yield int([row["delay"] for row in csv.DictReader(rows, delimiter=" ")] != ["1.5"])


def by_pynwb(seed: int, folder: Path) -> Iterator[int]:
    """Ours read by pynwb, valid; on the grid, of a known subject, clean for nwbinspector; pynwb's read here."""
    import pynwb
    from nwbinspector import inspect_nwbfile

    spikes = recording(seed)
    nwb.write(spikes, folder / "u.nwb")
    yield len(pynwb.validate(path=str(folder / "u.nwb")))
    with pynwb.NWBHDF5IO(folder / "u.nwb", "r") as io:
        units = io.read().units
        rows = [units.get_unit_spike_times(row) * 1000.0 for row in range(3 * UNITS)]
    for place, events in enumerate(spikes.values()):
        mine = rows[place * UNITS : (place + 1) * UNITS]
        unit = np.repeat(np.arange(UNITS), [one.size for one in mine])
        yield moved(events, np.concatenate(mine), unit, 3e-16)
    yield sum(
        int((one.step != spikes[n].step).sum()) for n, one in nwb.read(folder / "u.nwb", DT).spikes.items()
    )
    of_grid, path = {name: spikes[name] for name in ("grid", "silent")}, folder / "g.nwb"
    nwb.write(of_grid, path)
    with pynwb.NWBHDF5IO(path, "a") as io:
        file = io.read()
        file.subject = pynwb.file.Subject(
            subject_id="model-1",
            species="Mus musculus",
            sex="U",
            age="P90D",
            description="What it is fitted to.",
        )
        file.experimenter, file.institution = ["Doe, Jane"], "University"
        file.keywords, file.experiment_description = ["simulation"], "A simulation."
        io.write(file)
    yield len(list(inspect_nwbfile(nwbfile_path=str(path)))) + len(pynwb.validate(path=str(path)))
    yield int(nwb.read(path).spikes != of_grid)
    theirs = pynwb.NWBFile("Spikes.", f"id-{seed}", file.session_start_time)
    for unit in range(UNITS):
        theirs.add_unit(
            spike_times=times_ms(spikes["grid"])[spikes["grid"].unit == unit] / 1000.0, id=50 - unit
        )
    with pynwb.NWBHDF5IO(folder / "t.nwb", "w") as io:
        io.write(theirs)
    found = nwb.read(folder / "t.nwb", DT, n_steps=STEPS)
    yield int(found.spikes["units"].on_grid() != spikes["grid"]) + int(found.ids["units"][0] != 50)


def by_elephant(seed: int, folder: Path) -> Iterator[int]:
    """Blocks of Neo again as they were; Elephant's bins, intervals and rates."""
    from elephant.conversion import BinnedSpikeTrain
    from elephant.statistics import isi

    spikes = recording(seed)
    block = ours_for_neo.to_block(spikes)
    yield sum(one != spikes[name] for name, one in ours_for_neo.from_block(block).spikes.items())
    trains = block.segments[0].spiketrains
    for place, events in enumerate(spikes.values()):
        mine = list(trains[place * UNITS : (place + 1) * UNITS])
        binned = BinnedSpikeTrain(mine, bin_size=DT * mine[0].units, n_bins=STEPS, tolerance=None)
        yield int((binned.to_array() != events.to_raster().z[:, 0].T).sum())
        for unit, train in enumerate(mine):
            at = np.sort(times_ms(events)[events.unit == unit])
            yield int((isi(train).magnitude != np.diff(at)).sum())


CHECKS = {
    ("libsonata",): by_libsonata,
    ("bmtk",): by_bmtk,
    ("bmtk", "its network"): edges_of_bmtk,
    ("pynwb", "nwbinspector"): by_pynwb,
    ("neo", "elephant"): by_elephant,
}


def main() -> None:
    recordings = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    warnings.simplefilter("ignore")
    print("| tools | recordings | values compared wrong |\n|---|---|---|")
    for tools, check in CHECKS.items():
        wrong = 0
        for seed in range(recordings):
            with tempfile.TemporaryDirectory() as folder:
                wrong += sum(check(seed, Path(folder)))
        said = [f"{tool} {importlib.metadata.version(tool)}" if " " not in tool else tool for tool in tools]
        print(f"| {', '.join(said)} | {recordings} | {wrong} |", flush=True)


if __name__ == "__main__":
    main()
