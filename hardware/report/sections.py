"""Turn an energy report into the sections of a page."""

from __future__ import annotations

from collections.abc import Sequence

from snn.hardware.ledger.ledger import ELEMENTWISE
from snn.hardware.report.energy_sums import EnergySums, words_of
from snn.hardware.report.figures import plot_report
from snn.hardware.report.formats import (
    BASELINE_HEADER,
    CHIP_HEADER,
    CHIP_NOTE,
    baseline_cells,
    chip_cells,
    energy_cells,
    source_of,
    summary_lines,
    why_text,
)
from snn.hardware.report.page import Headline, Section, list_html, table_html
from snn.hardware.report.text import count_text, energy_text
from snn.hardware.targets.constant import Constant
from snn.hardware.targets.horowitz import SRAM


def subtitle(sums: EnergySums) -> str:
    """Say what was priced, on what, over how much data."""
    ledger = sums.ledger
    return (
        f"{sums.title[:1].upper()}{sums.title[1:]}. Mean of {ledger.samples:,} samples, "
        f"{count_text(ledger.steps / ledger.samples)} time steps each. "
        "Estimated from published constants and exact integer counts; nothing was measured here."
    )


def headlines(sums: EnergySums) -> list[Headline]:
    """Choose the numbers for the top of the page."""
    ledger = sums.ledger
    found = [
        Headline(
            "Energy per inference",
            energy_text(sums.total_pj_per_inference),
            _ends_note(sums),
        )
    ]
    if sums.splits_memory:
        found.append(
            Headline(
                "Arithmetic alone",
                energy_text(sums.compute_pj_per_inference),
                "synaptic adds and multiply-adds, no memory",
            )
        )
    found += [
        Headline(
            "Spikes per synapse per inference",
            f"{ledger.spikes_per_synapse:.2f}",
            "; ".join(f"break-even {_range(b.low, b.high)} ({b.name})" for b in sums.break_evens),
        ),
        Headline(
            "Synaptic events per inference",
            count_text(ledger.total("synaptic_events") / ledger.samples),
            f"over {ledger.total('synapses'):,} nonzero synapses",
        ),
    ]
    return found


def sections(sums: EnergySums) -> list[Section]:
    """Give the figures and tables of the report."""
    return [
        Section(
            "Where the energy goes",
            plot_report(sums, "energy"),
            "Energy per inference by layer and component. Each layer is a projection and the "
            "population it feeds.",
        ),
        Section("In numbers", table_html(["what", "value"], summary_lines(sums)), "Per inference."),
        Section("Energy per layer and component", _energy_table(sums), "Per inference."),
        Section(
            "Beside dense networks of the same shapes",
            plot_report(sums, "baselines"),
            _baselines_note(sums),
        ),
        Section("Ratios, each with its baseline", _comparison_table(sums), _comparison_note(sums)),
        Section(
            "Operations per joule, beside measured chips",
            table_html(CHIP_HEADER, chip_cells(sums), prose=True),
            CHIP_NOTE,
        ),
        *_delay_section(sums),
        Section("Spikes per layer", plot_report(sums, "spikes"), "Mean spikes per inference."),
        Section(
            "Activity against published break-even lines",
            plot_report(sums, "break_even"),
            "Published lines assume one pass of a dense network per inference and their authors' "
            "hardware; they place a network, they do not prove a saving.",
        ),
        Section(
            "Ratio to a dense network over activity",
            plot_report(sums, "break_even_curve"),
            "The network's activity scaled up and down, its neurons updated as often: a straight line "
            "from its energy without a spike through its own point, over the energy of the dense int8 "
            "network that sees each input once. Below 1 the spiking network needs less.",
        ),
        Section(
            "What was counted",
            _count_table(sums),
            "Mean per inference; the totals behind it are exact integers, kept in the JSON form.",
        ),
    ]


def closing(sums: EnergySums) -> list[Section]:
    """Give the assumptions and the constants with their sources."""
    lines = [[x.name, _range(x.low, x.high), x.note, x.source] for x in sums.break_evens]
    return [
        Section("Assumptions", list_html(sums.assumptions)),
        Section("Constants and sources", constants_html(sums.constants)),
        Section(
            "Break-even lines",
            table_html(["line", "spikes per synapse", "note", "source"], lines, prose=True),
        ),
    ]


def constants_html(constants: Sequence[Constant]) -> str:
    """Lay out constants with their ranges, nature and sources."""
    rows = [
        [
            x.name,
            f"{x.value:g} {x.unit}" + (f" ({x.low:g} to {x.high:g})" if x.low != x.high else ""),
            _node(x.node, x.voltage_v),
            x.kind,
            x.includes,
            source_of(x),
        ]
        for x in constants
    ]
    return table_html(["name", "value", "node", "kind", "includes", "source"], rows, prose=True)


def _energy_table(sums: EnergySums) -> str:
    layers, cells = energy_cells(sums)
    return table_html(["component", *layers, "all layers"], cells, sum_row=True)


def _delay_section(sums: EnergySums) -> list[Section]:
    rows = [
        [
            buffer.layer,
            f"{buffer.depth} × {buffer.width} × {buffer.bits} bits",
            f"{buffer.size_bytes:,}",
            count_text(buffer.reads),
            count_text(buffer.writes),
        ]
        for buffer in sums.delay_buffers()
    ]
    if not rows:
        return []
    header = ["layer", "depth × width × slot", "bytes", "reads", "writes"]
    return [Section("Delay buffers", table_html(header, rows), "Size, and traffic per inference.")]


def _comparison_table(sums: EnergySums) -> str:
    return table_html(BASELINE_HEADER, baseline_cells(sums))


def _baselines_note(sums: EnergySums) -> str:
    """Say what the dense networks are priced on, and whether that is what the network is priced on."""
    passes = "one pass per inference, or one at every time step"
    if set(SRAM) <= set(sums.priced_with) and sums.splits_memory:
        return f"Dense networks on the same operators and memories: {passes}."
    return (
        f"Dense networks on operators and SRAM of 45 nm: {passes}. This network is priced on other silicon: "
        f"{sums.title}."
    )


def _comparison_note(sums: EnergySums) -> str:
    text = (
        f"Below 1, the spiking network needs less. {why_text(sums)} Ranges are worst cases: the network's prices "
        "at one end, the baseline's at the other. "
    )
    if sums.splits_memory:
        return text + "Both ratios use the same price list; the first counts memory and neurons."
    return text + (
        "Mind the ratio: the network is priced on other silicon than its baselines, and its "
        "synaptic events contain memory, so arithmetic alone cannot be compared."
    )


def _count_table(sums: EnergySums) -> str:
    lines = (
        ("spikes in", "input_spikes"),
        ("spikes out", "output_spikes"),
        ("synaptic events", "synaptic_events"),
        ("synaptic adds (one spike)", "acs"),
        ("synaptic multiply-adds (more than one)", "macs"),
        ("delay line writes", "delay_writes"),
        ("delay line reads", "delay_reads"),
        ("neuron updates, every step", "updates_dense"),
        ("neuron updates, with input", "updates_touched"),
        *((words_of(field), field) for field in ELEMENTWISE if sums.ledger.total(field)),
        ("words read from memory", "memory_reads"),
        ("words written to memory", "memory_writes"),
        ("dense multiply-adds, every step", "dense_macs"),
    )
    rows = [["units", *(f"{row.n_pre or '–'} → {row.n_post}" for row in sums.ledger)]]
    rows.append(["nonzero synapses", *(count_text(row.synapses) for row in sums.ledger)])
    rows += [[title, *(count_text(row.per_sample(field)) for row in sums.ledger)] for title, field in lines]
    rows.append(["spikes per synapse", *(f"{row.spikes_per_synapse:.2f}" for row in sums.ledger)])
    return table_html(["count", *(row.name for row in sums.ledger)], rows)


def _ends_note(sums: EnergySums) -> str:
    ends = sums.total_per_inference
    what = (
        ", ".join(sums.priced[:-1]) + " and " + sums.priced[-1] if sums.priced[1:] else "".join(sums.priced)
    )
    if ends.low == ends.high:
        return what
    return f"{energy_text(ends.low)} to {energy_text(ends.high)} over the ranges of the prices; {what}"


def _range(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _node(node: str, voltage_v: float | None) -> str:
    return node if voltage_v is None else f"{node}, {voltage_v:g} V"
