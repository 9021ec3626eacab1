"""Frames as printed tables: text for a terminal, Markdown or LaTeX; and as CSV or JSON for programs."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import fill

import pandas as pd
from tabulate import tabulate

from reports import latex
from reports.columns import COLUMNS, Column

WIDTH = 120  # of remarks on a terminal
# What Markdown takes for more than it is; an underscore between letters, and a bracket with no link, it does not.
MEANT = re.compile(r"[\\|*`~$]|\[(?=[^\]]*\]\()|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Section:
    """A titled table with remarks below it, ready to be printed.

    The columns of `frame` are those of `columns.COLUMNS`, each number already a text; `more` has those that are not,
    by name.
    """

    title: str
    frame: pd.DataFrame
    remarks: list[str] = field(default_factory=list)
    more: Mapping[str, Column] = field(default_factory=dict)

    @property
    def columns(self) -> list[Column]:
        """What each column of the frame is."""
        return [self.more[name] if name in self.more else COLUMNS[name] for name in self.frame.columns]


def formatted(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """These columns of a frame, each value written as its column says."""
    return pd.DataFrame({name: [COLUMNS[name].text(value) for value in frame[name]] for name in columns})


def marked(frame: pd.DataFrame, column: str = "note") -> tuple[list[str], list[str]]:
    """Numbers that stand for notes, a text a row, and the numbered notes; equal notes share a number."""
    numbers: dict[str, int] = {}
    marks = []
    for text in frame[column]:
        parts = [part for part in str(text).split("; ") if part]
        marks.append(", ".join(str(numbers.setdefault(part, len(numbers) + 1)) for part in parts))
    return marks, [f"{number}. {text}" for text, number in numbers.items()]


def render(sections: list[Section], style: str) -> str:
    """The sections one below the other as `text`, `md` or `latex`."""
    body = "\n\n".join(STYLES[style](section) for section in sections) + "\n"
    return latex.head(body) + body if style == "latex" else body


def as_csv(frame: pd.DataFrame) -> str:
    """All columns, unrounded."""
    return frame.to_csv(index=False)


def as_json(frame: pd.DataFrame) -> str:
    """A list of rows, unrounded; missing values are null."""
    return (
        json.dumps(json.loads(frame.to_json(orient="records", double_precision=10)), indent=1, ensure_ascii=False)
        + "\n"
    )


def _text(section: Section) -> str:
    headers, rows, align = _parts(section)
    # As tabulate's `simple`, whose headers are two characters wider than they need.
    lines = [header.split("\n") for header in _grouped(headers)]
    heads = [[line[i] if i < len(line) else "" for line in lines] for i in range(max(map(len, lines)))]
    rule = ["-" * max(len(row[i]) for row in [*heads, *rows]) for i in range(len(headers))]
    body = tabulate([*heads, rule, *rows], tablefmt="plain", disable_numparse=True, colalign=align)
    remarks = [
        fill(r, WIDTH, break_long_words=False, break_on_hyphens=False, subsequent_indent="   ") for r in section.remarks
    ]
    return "\n".join([section.title, "", body, *([""] if remarks else []), *remarks])


def _md(section: Section) -> str:
    headers, rows, align = _parts(section)
    rows = [[_plain(cell) for cell in row] for row in rows]
    headers = [_plain(header) for header in headers]
    body = tabulate(rows, headers, tablefmt="pipe", disable_numparse=True, colalign=align)
    remarks = [r if re.match(r"\d+\. ", r) else f"- {r}" for r in map(_plain, section.remarks)]
    return "\n".join([f"**{_plain(section.title)}**", "", body, *([""] if remarks else []), *remarks])


def _plain(text: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    marked = MEANT.sub(r"\\\g<0>", " ".join(str(text).split()))
    return re.sub(r"&(?=#?\w+;)", "&amp;", marked).replace("<", "&lt;")


def _latex(section: Section) -> str:
    _, rows, _ = _parts(section)
    return latex.table(section.title, section.columns, rows, section.remarks)


STYLES = {"text": _text, "md": _md, "latex": _latex}


def _parts(section: Section) -> tuple[list[str], list[list[str]], list[str]]:
    """Headers, rows and the alignment of each column."""
    align = ["right" if column.number else "left" for column in section.columns]
    return [column.label for column in section.columns], section.frame.to_numpy().tolist(), align


def _grouped(headers: list[str]) -> list[str]:
    """Headers of two lines, the first line of each only where it differs from its left neighbour's."""
    firsts = [header.partition("\n")[0] if "\n" in header else None for header in headers]
    repeated = [first is not None and i > 0 and first == firsts[i - 1] for i, first in enumerate(firsts)]
    return ["\n" + h.partition("\n")[2] if again else h for h, again in zip(headers, repeated, strict=True)]
