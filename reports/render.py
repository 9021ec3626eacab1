"""Frames as printed tables: text for a terminal, Markdown or LaTeX; and as CSV or JSON for programs."""

import json
from dataclasses import dataclass, field
from textwrap import fill

import pandas as pd
from tabulate import tabulate

from reports.columns import COLUMNS

WIDTH = 120  # of remarks on a terminal
STYLES = {"text": "simple", "md": "github", "latex": "latex_booktabs"}


@dataclass(frozen=True)
class Section:
    """A titled table with remarks below it, ready to be printed.

    The columns of `frame` are those of `columns.COLUMNS`, each number already a text.
    """

    title: str
    frame: pd.DataFrame
    remarks: list[str] = field(default_factory=list)


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
    blocks = []
    for section in sections:
        headers = [COLUMNS[name].label for name in section.frame.columns]
        headers = _grouped(headers) if style == "text" else [header.replace("\n", " ") for header in headers]
        numeric = {name for name, column in COLUMNS.items() if column.digits is not None} | {
            "accuracy",
            "cifar10",
            "cifar100",
            "seeds",
        }
        align = ["right" if name in numeric else "left" for name in section.frame.columns]
        rows = section.frame.to_numpy().tolist()
        if style == "md":
            rows = [[cell.replace("|", "\\|") for cell in row] for row in rows]
        if style == "latex":
            headers = [_tex(header) for header in headers]
            rows = [[_tex(cell) for cell in row] for row in rows]
            body = tabulate(rows, headers, tablefmt="latex_raw", disable_numparse=True, colalign=align)
            body = body.replace("\\hline", "\\toprule", 1).replace("\\hline", "\\midrule", 1)
            body = body.replace("\\hline", "\\bottomrule", 1)
            notes = [rf"\par\noindent{{\footnotesize {_tex(remark)}}}" for remark in section.remarks]
            text = [rf"\par\noindent\textbf{{{_tex(section.title)}}}\par", body, *notes]
        else:
            body = tabulate(rows, headers, tablefmt=STYLES[style], disable_numparse=True, colalign=align)
            title = f"**{section.title}**" if style == "md" else section.title
            remarks = section.remarks
            if style == "md":
                remarks = [r if r[:1].isdigit() else f"- {r}" for r in remarks]
            else:
                remarks = [fill(r, WIDTH, break_long_words=False, subsequent_indent="   ") for r in remarks]
            text = [title, "", body, *([""] if remarks else []), *remarks]
        blocks.append("\n".join(text))
    return "\n\n".join(blocks) + "\n"


def as_csv(frame: pd.DataFrame) -> str:
    """All columns, unrounded."""
    return frame.to_csv(index=False)


def as_json(frame: pd.DataFrame) -> str:
    """A list of rows, unrounded; missing values are null."""
    return (
        json.dumps(json.loads(frame.to_json(orient="records", double_precision=10)), indent=1, ensure_ascii=False)
        + "\n"
    )


def _grouped(headers: list[str]) -> list[str]:
    """Headers of two lines, the first line of each only where it differs from its left neighbour's."""
    firsts = [header.partition("\n")[0] if "\n" in header else None for header in headers]
    repeated = [first is not None and i > 0 and first == firsts[i - 1] for i, first in enumerate(firsts)]
    return ["\n" + h.partition("\n")[2] if again else h for h, again in zip(headers, repeated, strict=True)]


def _tex(text: str) -> str:
    special = {char: f"\\{char}" for char in "&%_#${}"} | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}"}
    special |= {"^": r"\textasciicircum{}", "\u0394": r"$\Delta$", "\u00b1": r"$\pm$", "\u2212": "$-$"}
    special |= {"\u2020": r"$\dagger$"}
    return "".join(special.get(char, char) for char in text)
