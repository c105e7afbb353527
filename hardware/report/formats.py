"""Write an energy report as text, JSON values, CSV and Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from snn.hardware.report.energy_sums import EnergySums, unpriced_words
from snn.hardware.report.text import aligned, count_text, energy_text, folded, range_text, time_text
from snn.hardware.targets.baselines import Baseline
from snn.hardware.targets.constant import Constant, Range
from snn.hardware.targets.measured_chips import MEASURED_CHIPS
from snn.hardware.targets.target import CATEGORIES

SCHEMA, VERSION = "snn.energy_report", 3


def energy_cells(sums: EnergySums) -> tuple[list[str], list[list[str]]]:
    """Write the layer names, and a line of energies per component with the total last, per inference."""
    samples = sums.ledger.samples
    layers = [row.name for row in sums.ledger]
    lines = []
    for name in (*sums.components, None):
        energies = [sums.energy_pj(layer=layer, component=name) for layer in (*layers, None)]
        lines.append([name or "total", *(energy_text(pj / samples) for pj in energies)])
    return layers, lines


def summary_lines(sums: EnergySums) -> list[tuple[str, str]]:
    """List the main numbers, compute-only and memory-inclusive side by side, per inference."""
    compute = energy_text(sums.compute_pj_per_inference) if sums.splits_memory else "not separable"
    latency = sums.latency_us_per_inference
    lines = [
        ("compute only", compute),
        ("total, memory included", range_text(sums.total_per_inference, energy_text)),
        ("without a spike", range_text(sums.idle / sums.ledger.samples, energy_text)),
        ("latency", "not modelled" if latency is None else range_text(latency, time_text)),
        ("kind of the prices", ", ".join(sums.kinds) + (" (a mixture)" if len(sums.kinds) > 1 else "")),
        ("spikes per synapse per inference", f"{sums.ledger.spikes_per_synapse:.3g}"),
    ]
    if sums.unpriced:
        lines.append(("not priced", unpriced_words(sums.unpriced, sums.ledger.samples)))
    for line in sums.break_evens:
        ends = f"{line.low:g}" + (f" to {line.high:g}" if line.high > line.low else "")
        lines.append((f"published break-even, {line.name}", ends))
    return lines


BASELINE_HEADER = ("baseline", "its compute only", "its total", "total / total", "compute / compute")


def baseline_cells(sums: EnergySums) -> list[list[str]]:
    """Write one line per baseline: its energies, and the network over it."""
    return [
        [
            item.baseline.title,
            range_text(item.baseline.compute, energy_text),
            range_text(item.baseline.total, energy_text),
            range_text(item.total, _ratio_text),
            "-" if item.compute is None else range_text(item.compute, _ratio_text),
        ]
        for item in sums.comparisons()
    ]


def _ratio_text(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def why_text(sums: EnergySums) -> str:
    """Say where the ratio to the dense int8 network that sees each input once comes from, in numbers."""
    ratio = next((item for item in sums.comparisons() if item.baseline.name == "ann_int8_once"), None)
    total = sums.total_pj_per_inference
    if ratio is None or not total:
        return ""
    parts = {name: sums.energy_pj(component=name) / sums.ledger.samples for name in sums.components}
    largest = max(parts, key=lambda name: parts[name])
    events = sums.ledger.spikes_per_synapse
    idle = sums.idle.nominal / sums.ledger.samples / total
    dense, steps = ratio.baseline, count_text(sums.ledger.steps / sums.ledger.samples)
    text = (
        f"Why {_ratio_text(ratio.total_ratio)} times {dense.label}: that network pays each synapse once an "
        f"inference, this one {events:.3g} times, and its neurons {steps} steps. Its largest part is {largest}, "
        f"{parts[largest] / total:.0%} of {energy_text(total)}; {idle:.0%} "
        "would be spent without a spike."
    )
    if not sums.splits_memory:
        text += " The two are priced on different silicon, which is in the ratio too."
    return text


def chip_cells(sums: EnergySums) -> list[list[str]]:
    """Write the network's operations per joule, and under it those of measured chips."""
    mine = sums.tops_per_w
    rows = [
        ["this report", "–" if mine is None else range_text(mine, _ratio_text), "", "estimated", sums.title]
    ]
    return rows + [
        [c.name, f"{c.tops_per_w:g}", c.node, "measured", f"{c.how}; {c.source}"] for c in MEASURED_CHIPS
    ]


CHIP_HEADER = ("chip", "TOPS/W", "node", "kind", "how and source")
CHIP_NOTE = (
    "TOPS/W of this report: two operations per synapse and step of the dense network of the same shapes, over its "
    "energy; work that is skipped because nothing spiked counts as done. Chips were measured on dense products, "
    "with control, buffers and leakage that the estimate may leave out: an estimate far above them has left "
    "something out."
)


_MOST_ACROSS = 8
"""Layers that stand side by side in a table of text; more stand below each other."""


def table(sums: EnergySums) -> str:
    """Lay out a report as aligned text."""
    layers, cells = energy_cells(sums)
    lines = [["component", *layers, "all layers"], *cells]
    if len(layers) > _MOST_ACROSS:
        lines = [list(line) for line in zip(*lines, strict=True)]
        lines[0][0] = "layer"
    short = zip(sums.comparisons(), baseline_cells(sums), strict=True)
    parts = [
        f"{folded(sums.title)}\nper inference, mean of {sums.ledger.samples} samples",
        aligned(lines[0], lines[1:]),
        "\n".join(f"{name}: {value}" for name, value in summary_lines(sums)),
        aligned(BASELINE_HEADER, [[b.baseline.label, *cells[1:]] for b, cells in short]),
        folded(why_text(sums)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def to_csv(sums: EnergySums) -> str:
    """Write one line per layer and component; energies over the whole ledger."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "layer",
            "component",
            "category",
            "count",
            *(f"price_{end}" for end in _ENDS),
            *(f"energy_{end}" for end in _ENDS),
        ]
    )
    for row in sums.rows:
        writer.writerow(
            [row.layer, row.component, row.category, row.count, *_ends(row.price), *_ends(row.range)]
        )
    return text.getvalue()


_ENDS = ("low_pj", "pj", "high_pj")


def _ends(value: Range) -> tuple[float, float, float]:
    return value.low, value.nominal, value.high


def to_markdown(sums: EnergySums) -> str:
    """Write a report with its assumptions, constants and sources."""
    layers, cells = energy_cells(sums)
    parts = [
        f"# Energy: {sums.title}",
        f"Per inference, mean of {sums.ledger.samples} samples. "
        "Estimated from published constants and exact counts.",
        markdown_table(("what", "value"), summary_lines(sums)),
        "## Energy by layer and component",
        markdown_table(("component", *layers, "all layers"), cells),
        "## Ratios, each with its baseline",
        markdown_table(BASELINE_HEADER, baseline_cells(sums)),
        why_text(sums),
        "## Beside measured chips",
        markdown_table(CHIP_HEADER, chip_cells(sums)),
        CHIP_NOTE,
    ]
    buffers = sums.delay_buffers()
    if buffers:
        lines = [
            (
                b.layer,
                f"{b.depth} x {b.width} x {b.bits}",
                f"{b.size_bytes:,}",
                f"{b.reads:g}",
                f"{b.writes:g}",
            )
            for b in buffers
        ]
        shape = ("layer", "depth x width x bits", "bytes", "reads", "writes")
        parts += ["## Delay buffers", markdown_table(shape, lines)]
    constants = [
        (x.name, f"{x.value:g}", f"{x.low:g} to {x.high:g}", x.unit, x.node, x.kind, x.includes, source_of(x))
        for x in sums.constants
    ]
    header = ("name", "value", "range", "unit", "node", "kind", "includes", "source")
    parts += [
        "## Assumptions",
        "\n".join(f"- {text}" for text in sums.assumptions),
        "## Constants and sources",
        markdown_table(header, constants),
        "## Break-even lines",
        markdown_table(
            ("line", "low", "high", "note", "source"),
            [(b.name, f"{b.low:g}", f"{b.high:g}", b.note, b.source) for b in sums.break_evens],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def source_of(constant: Constant) -> str:
    """Write where a constant and its range come from."""
    return constant.source + (f"; range: {constant.range_source}" if constant.range_source else "")


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out plain cells as a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def to_dict(sums: EnergySums) -> dict[str, Any]:
    """Give a report as plain JSON values."""
    energy = {f"{name}_pj": sums.energy_pj(category=name) for name in CATEGORIES}
    latency = sums.latency_us_per_inference
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "target": sums.target,
        "title": sums.title,
        "splits_memory": sums.splits_memory,
        "samples": sums.ledger.samples,
        **energy,
        "total_pj": sums.total_pj,
        "total_range_pj": asdict(sums.energy()),
        "unpriced": sums.unpriced,
        "idle_range_pj": asdict(sums.idle),
        "total_pj_per_inference": sums.total_pj_per_inference,
        "compute_pj_per_inference": sums.compute_pj_per_inference,
        "latency_us_per_inference": None if latency is None else asdict(latency),
        "kinds": list(sums.kinds),
        "spikes_per_synapse_per_inference": sums.ledger.spikes_per_synapse,
        "rows": [{**asdict(row), "pj": row.pj} for row in sums.rows],
        "baselines": [_baseline_dict(baseline) for baseline in sums.baselines],
        "comparisons": [
            {
                "baseline": item.baseline.name,
                "total_ratio": item.total_ratio,
                "compute_ratio": item.compute_ratio,
                "total_ratio_range": asdict(item.total),
                "compute_ratio_range": None if item.compute is None else asdict(item.compute),
            }
            for item in sums.comparisons()
        ],
        "tops_per_w": None if sums.tops_per_w is None else asdict(sums.tops_per_w),
        "measured_chips": [asdict(chip) for chip in MEASURED_CHIPS],
        "delay_buffers": [asdict(buffer) for buffer in sums.delay_buffers()],
        "break_evens": [asdict(line) for line in sums.break_evens],
        "assumptions": list(sums.assumptions),
        "constants": [constant.to_dict() for constant in sums.constants],
        "ledger": sums.ledger.to_dict(),
    }


def _baseline_dict(baseline: Baseline) -> dict[str, Any]:
    parts = {"compute": baseline.compute, "memory": baseline.memory, "neuron": baseline.neuron}
    parts["total"] = baseline.total
    return {
        "name": baseline.name,
        "title": baseline.title,
        **{f"{name}_pj": part.nominal for name, part in parts.items()},
        **{f"{name}_range_pj": asdict(part) for name, part in parts.items()},
    }
