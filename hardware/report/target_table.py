"""Set the energies of one ledger on several targets side by side, ranges included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from snn.core.checks import refusal
from snn.hardware.report.energy_sums import EnergySums, unpriced_words
from snn.hardware.report.formats import markdown_table
from snn.hardware.report.page import Section, list_html, table_html
from snn.hardware.report.sections import constants_html
from snn.hardware.report.target_figure import plot_targets
from snn.hardware.report.text import aligned, energy_text, folded, range_text, time_text
from snn.hardware.targets.constant import Range

if TYPE_CHECKING:
    from matplotlib.figure import Figure

S = TypeVar("S", bound=EnergySums)

_HEADER = ("target", "compute only", "total, memory included", "latency", "prices")


@dataclass(frozen=True, slots=True)
class TargetTable(Generic[S]):
    """Hold the reports of one ledger on several targets.

    Targets keep different accounts (some with static power, some without; measured, fitted and simulated
    prices): a ratio between two of them is only as good as what both contain.

    Attributes:
        reports: One report per target, in the order asked for.

    Raises:
        ValueError: No report, reports of different ledgers, or two of one name.
    """

    reports: tuple[S, ...]

    def __post_init__(self) -> None:
        if not self.reports:
            raise refusal("reports", "those of at least one target", self.reports)
        if any(report.ledger != self.reports[0].ledger for report in self.reports):
            raise ValueError("reports must all be of one ledger, got some of another")
        names = [report.target for report in self.reports]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"reports must be of targets with different names, got {', '.join(map(repr, twice))} more than "
                "once: give a variant a name of its own, dataclasses.replace(target, name=...)"
            )

    def __getitem__(self, target: str) -> S:
        for report in self.reports:
            if report.target == target:
                return report
        raise KeyError(f"no target {target!r}; there are {', '.join(r.target for r in self.reports)}")

    def cells(self) -> list[list[str]]:
        """Write one line per target, per inference."""
        return [
            [
                f"{report.target}: {report.title}{_missing(report)}",
                energy_text(report.compute_pj_per_inference) if report.splits_memory else "not separable",
                range_text(report.total_per_inference, energy_text),
                "not modelled"
                if report.latency_us_per_inference is None
                else range_text(report.latency_us_per_inference, time_text),
                ", ".join(report.kinds),
            ]
            for report in self.reports
        ]

    def table(self) -> str:
        """Lay out the comparison as aligned text, and say under it what the targets are."""
        names = [report.target for report in self.reports]
        rows = [[name, *cells[1:]] for name, cells in zip(names, self.cells(), strict=True)]
        titles = [folded(cells[0]) for cells in self.cells()]
        return aligned(_HEADER, rows) + "\n\n" + "\n".join(titles) + "\n"

    def to_markdown(self) -> str:
        """Lay out the comparison as a Markdown table."""
        return markdown_table(_HEADER, self.cells()) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Give the totals as plain JSON values, pJ and microseconds per inference."""

        def ends(value: Range | None) -> list[float] | None:
            return None if value is None else [value.low, value.nominal, value.high]

        return {
            report.target: {
                "total_pj": ends(report.total_per_inference),
                "compute_pj": report.compute_pj_per_inference if report.splits_memory else None,
                "latency_us": ends(report.latency_us_per_inference),
                "kinds": list(report.kinds),
                "unpriced": report.unpriced,
            }
            for report in self.reports
        }

    def plot(self) -> Figure:
        """Draw the totals on a logarithmic axis, with their ranges and compute-only beside."""
        return plot_targets(self.reports)

    def sections(self) -> list[Section]:
        """Give the comparison as sections of a page: figure, table, and what each target assumes."""
        note = (
            "Bars reach from the low to the high end of the prices. The targets keep different accounts: "
            "see what each one assumes before reading a ratio between two."
        )
        others = self.reports[1:]
        assumed = [f"{report.target}: {text}" for report in others for text in report.priced_on.assumptions]
        constants = dict.fromkeys(constant for report in others for constant in report.priced_with)
        return [
            Section("The same counts on other targets", self.plot(), note),
            Section("Targets side by side", table_html(_HEADER, self.cells()), "Per inference."),
            Section("What the other targets assume", list_html(assumed)),
            Section("Constants of the other targets", constants_html(tuple(constants))),
        ]


def _missing(report: EnergySums) -> str:
    """Say what is not in a total for want of a price."""
    words = unpriced_words(report.unpriced, report.ledger.samples)
    return f" (not priced: {words})" if words else ""
