"""Build one self-contained HTML page from sections of text and matplotlib figures.

Nothing is loaded from outside: styles are inline, figures are data URIs, no scripts.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from snn.core.arrays import PathLike
from snn.core.files.whole import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAX_SVG_BYTES = 600_000

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6875; --line: #dde2e7;
  --page: #f6f7f9; --card: #ffffff; --accent: #2f6690; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --soft: #9aa6b2; --line: #333c46;
  --page: #14181d; --card: #1c2127; --accent: #7fb2d9; }
  img.figure { filter: invert(0.9) hue-rotate(180deg); } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.15rem; margin: 0 0 .8rem; }
p { margin: 0 0 .8rem; } p:last-child { margin-bottom: 0; }
.subtitle { color: var(--soft); max-width: 46rem; margin-bottom: 1.6rem; }
.headlines { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .8rem;
  margin: 0 0 1.2rem; }
.headlines div, section { background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; }
.headlines div { padding: .9rem 1.1rem; }
.headlines dt { color: var(--soft); font-size: .82rem; }
.headlines dd { margin: 0; }
.headlines .value { font-size: 1.55rem; font-weight: 650; font-variant-numeric: tabular-nums; }
.headlines .note { color: var(--soft); font-size: .8rem; line-height: 1.35; }
section { padding: 1.3rem 1.4rem 1.4rem; margin: 0 0 1.2rem; }
img.figure { display: block; max-width: 100%; height: auto; margin: 0 auto; }
.caption { color: var(--soft); font-size: .88rem; margin-top: .9rem; max-width: 50rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .36rem .7rem; border-bottom: 1px solid var(--line); text-align: right;
  vertical-align: top; white-space: nowrap; }
th { white-space: normal; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: normal; min-width: 9rem; }
th:last-child, td:last-child { padding-right: 0; }
th { color: var(--soft); font-weight: 600; }
table.prose th, table.prose td { text-align: left; white-space: normal; }
tr.sum td { font-weight: 650; border-bottom: 0; }
ul { margin: 0; padding-left: 1.15rem; } li { margin: .3rem 0; }
@media (max-width: 40rem) {
  main { padding: 1.5rem .7rem 3rem; } section { padding: 1rem; }
  img.figure { max-width: none; width: 36rem; }
  th, td { padding: .36rem .35rem; white-space: normal; }
  th:first-child, td:first-child { min-width: 5.5rem; }
  table.prose thead { display: none; }
  table.prose tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  table.prose td { display: block; border: 0; padding: .1rem 0; overflow-wrap: anywhere; }
  table.prose td:first-child { font-weight: 650; }
  table.prose td:not(:first-child)::before { content: attr(data-label) ": "; color: var(--soft); }
}
"""


@dataclass(frozen=True, slots=True)
class Section:
    """Describe one block of a page.

    Attributes:
        title: Heading, plain text.
        body: HTML (from `table_html`, `list_html` or your own, escaped) or a matplotlib figure.
        caption: One or two sentences under the body, plain text.
    """

    title: str
    body: str | Figure
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Headline:
    """Describe one number at the top of a page.

    Attributes:
        label: What it is.
        value: How much, with its unit.
        note: What it stands on; empty for none.
    """

    label: str
    value: str
    note: str = ""


def build_page(
    title: str,
    sections: Sequence[Section],
    *,
    subtitle: str = "",
    headlines: Sequence[Headline] = (),
) -> str:
    """Build the HTML text of a page; the same sections give the same text."""
    parts = [f"<h1>{escape(title)}</h1>"]
    if subtitle:
        parts.append(f'<p class="subtitle">{escape(subtitle)}</p>')
    if headlines:
        cells = "".join(_headline_html(item) for item in headlines)
        parts.append(f'<dl class="headlines">{cells}</dl>')
    parts += [_section_html(section) for section in sections]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(parts)
        + "\n</main>\n</body>\n</html>\n"
    )


def write_page(
    path: PathLike,
    title: str,
    sections: Sequence[Section],
    *,
    subtitle: str = "",
    headlines: Sequence[Headline] = (),
) -> Path:
    """Write a page to a file (see `build_page`), whole or not at all, and return its path."""
    text = build_page(title, sections, subtitle=subtitle, headlines=headlines)
    write_whole(path, text.encode())
    return Path(path)


def table_html(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    sum_row: bool = False,
    prose: bool = False,
) -> str:
    """Lay out plain-text cells as an HTML table.

    Args:
        header: Column titles.
        rows: Cells, one sequence per row.
        sum_row: Set the last row apart as a total.
        prose: Columns of words (left, wrapped) instead of numbers (right).
    """
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = []
    for i, row in enumerate(rows):
        mark = ' class="sum"' if sum_row and i == len(rows) - 1 else ""
        cells = zip(header, row, strict=True) if prose else ((None, cell) for cell in row)
        body.append(f"<tr{mark}>{''.join(_cell_html(*cell) for cell in cells)}</tr>")
    kind = ' class="prose"' if prose else ""
    return (
        f'<div class="scroll"><table{kind}><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _cell_html(label: str | None, cell: str) -> str:
    """Write a cell, with its column's title where narrow screens set cells under each other."""
    named = "" if label is None else f' data-label="{escape(label)}"'
    return f"<td{named}>{escape(cell)}</td>"


def list_html(items: Sequence[str]) -> str:
    """Lay out plain sentences as an HTML list."""
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def figure_html(figure: Figure, alt: str) -> str:
    """Embed a figure as a data URI: SVG, or PNG where the SVG would be heavy."""
    import matplotlib as mpl

    buffer = io.BytesIO()
    # A fixed salt and no date: the same figure gives the same bytes.
    with mpl.rc_context({"svg.hashsalt": "snn"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    kind, data = "svg+xml", buffer.getvalue()
    if len(data) > _MAX_SVG_BYTES:
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=160, transparent=True, metadata={"Software": None})
        kind, data = "png", buffer.getvalue()
    encoded = base64.b64encode(data).decode("ascii")
    width = round(figure.get_figwidth() * 96)
    source = f"data:image/{kind};base64,{encoded}"
    image = f'<img class="figure" alt="{escape(alt)}" width="{width}" src="{source}">'
    return f'<div class="scroll">{image}</div>'


def _headline_html(item: Headline) -> str:
    note = f'<dd class="note">{escape(item.note)}</dd>' if item.note else ""
    return f'<div><dt>{escape(item.label)}</dt><dd class="value">{escape(item.value)}</dd>{note}</div>'


def _section_html(section: Section) -> str:
    body = section.body
    inner = body if isinstance(body, str) else figure_html(body, section.title)
    caption = f'<p class="caption">{escape(section.caption)}</p>' if section.caption else ""
    return f"<section><h2>{escape(section.title)}</h2>{inner}{caption}</section>"
