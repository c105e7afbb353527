"""Write and draw the energy of a ledger on one target: table, JSON, CSV, Markdown, page, figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snn.core.arrays import PathLike
from snn.core.files.whole import write_whole
from snn.hardware.report import formats, sections
from snn.hardware.report.energy_sums import EnergySums
from snn.hardware.report.figures import PlotKind, plot_report
from snn.hardware.report.page import Headline, Section, write_page
from snn.hardware.report.target_table import TargetTable
from snn.hardware.targets.registry import find_target
from snn.hardware.targets.target import Target

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyReport(EnergySums):
    """Hold the energy of a ledger on one target, and write or draw it; `EnergySums` has the numbers."""

    def table(self) -> str:
        """Lay out layers x components, totals and comparisons as aligned text, per inference."""
        return formats.table(self)

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain JSON values (schema ``snn.energy_report``, version 3)."""
        return formats.to_dict(self)

    def to_csv(self, path: PathLike | None = None) -> str:
        """Write one line per layer and component as CSV, and into `path` when given; energies of all samples."""
        return _saved(formats.to_csv(self), path)

    def to_markdown(self, path: PathLike | None = None) -> str:
        """Write the report as Markdown, assumptions and sources included, and into `path` when given."""
        return _saved(formats.to_markdown(self), path)

    def to_json(self, path: PathLike | None = None) -> str:
        """Write the report as JSON text, and into `path` when given; the same report, same text."""
        return _saved(json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n", path)

    def to_html(
        self,
        path: PathLike,
        *,
        title: str = "Energy report",
        headlines: Sequence[Headline] = (),
        before: Sequence[Section] = (),
        after: Sequence[Section] = (),
        compare: Sequence[str | Target] = (),
    ) -> Path:
        """Write the report as one self-contained page that opens offline.

        Args:
            path: File to write.
            title: Heading of the page.
            headlines: Numbers to place ahead of the report's own at the top.
            before: Sections to place ahead of the report's own, e.g. training curves.
            after: Sections to place behind its figures, ahead of assumptions and sources.
            compare: More targets to price the same counts on, with their assumptions.

        Returns:
            The path written.

        Raises:
            ValueError: Unknown target in `compare`, or two different ones of one name.
        """
        others: list[Section] = []
        if compare:
            found: list[Target] = [self.priced_on]
            for target in map(find_target, compare):
                if target not in found:  # the same target twice says nothing new
                    found.append(target)
            priced = (EnergySums.of(self.ledger, target) for target in found[1:])
            others = TargetTable((self, *priced)).sections()
        return write_page(
            path,
            title,
            [*before, *sections.sections(self), *others, *after, *sections.closing(self)],
            subtitle=sections.subtitle(self),
            headlines=[*headlines, *sections.headlines(self)],
        )

    def plot(self, kind: PlotKind = "energy") -> Figure:
        """Draw one view of the report; see `snn.hardware.report.figures.plot_report` for the kinds."""
        return plot_report(self, kind)


def _saved(text: str, path: PathLike | None) -> str:
    if path is not None:
        write_whole(path, text.encode())
    return text
