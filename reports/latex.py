"""Tables in LaTeX, to be put into a paper: with booktabs and grouped headers, in floats no wider than the text."""

import re
from collections.abc import Sequence
from itertools import groupby

from reports.columns import Column

NEEDS = ("booktabs", "graphicx")  # graphicx narrows what is wider than the text
SPECIAL = {char: f"\\{char}" for char in "&%_#${}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # after the end of a row it would be a distance
    "*": r"$\ast$",
    '"': "''",
    "\u00b1": r"$\pm$",
    "\u00d7": r"$\times$",
    "\u0394": r"$\Delta$",
    "\u03b1": r"$\alpha$",
    "\u03c4": r"$\tau$",
    "\u2020": r"$\dagger$",
    "\u2212": "$-$",
    "\u2192": r"$\to$",
    "\u2264": r"$\le$",
    "\u2265": r"$\ge$",
    "\u221e": r"$\infty$",
    "\u2713": r"$\surd$",
}
DASHES = {"\u2013": "--", "\u2014": "---"}
WRITTEN = SPECIAL | DASHES | {"\0": "{}"}
LAST_KNOWN = "\u017e"  # letters up to here are known to pdfLaTeX: those of Latin alphabets
QUOTES = "\u2018\u2019\u201c\u201d\u2026"  # known too


def head(text: str) -> str:
    """The comment that tables begin with: what a document needs to show them."""
    packages = "".join(rf"\usepackage{{{name}}}" for name in NEEDS)
    unknown = "".join(sorted({char for char in text if char > LAST_KNOWN} - {*QUOTES}))
    more = f"% has {unknown}, so needs XeLaTeX or LuaLaTeX and a font with these\n" if unknown else ""
    return f"% needs {packages}\n{more}"


def table(title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], remarks: Sequence[str]) -> str:
    """A table in a float of its own; a rule before each row whose group, if there is one, is not that above it."""
    kinds = "".join("r" if column.number else "l" for column in columns)
    breaks = _breaks(columns, rows)
    body = []
    for i, row in enumerate(rows):
        body += [r"\midrule"] if i in breaks else []
        body.append(_row([escaped(cell) for cell in row]))
    lines = [
        r"\begin{table}[htbp]",
        r"\centering",
        rf"\caption{{{escaped(title)}}}\smallskip",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{kinds}}}",
        r"\toprule",
        *_heads([column.label for column in columns]),
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}}",
        *(rf"\par\smallskip{{\raggedright\footnotesize {escaped(remark)}\par}}" for remark in remarks),
        r"\end{table}",
    ]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """A text as LaTeX prints it as it is, on one line; two hyphens stay two."""
    kept = re.sub("-(?=-)", "-\0", " ".join(str(text).split()))
    return "".join(WRITTEN.get(char, char) for char in kept)


def _breaks(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> set[int]:
    """The rows that begin a group, but the first; none where no group has two rows, or there are no groups."""
    if not columns or columns[0].label != "Group" or all(row[0] for row in rows):
        return set()
    return {i for i, row in enumerate(rows) if row[0] and i > 0}


def _heads(labels: Sequence[str]) -> list[str]:
    """The heads of the columns: one row, or two where a label has two lines; equal first lines side by side are one."""
    if not any("\n" in label for label in labels):
        return [_row([escaped(label) for label in labels])]
    # What is not the part of a group stands alone below, where the numbers begin.
    parted = [label.split("\n", 1) if "\n" in label else ["", label] for label in labels]
    firsts, rules, at = [], [], 1
    for first, members in groupby(parted, key=lambda part: part[0]):
        span = len(list(members))
        if first and span > 1:
            firsts.append(rf"\multicolumn{{{span}}}{{c}}{{{escaped(first)}}}")
            rules.append(rf"\cmidrule(lr){{{at}-{at + span - 1}}}")
        else:
            firsts += [escaped(first)] * span
        at += span
    rule = ["".join(rules)] if rules else []
    return [_row(firsts), *rule, _row([escaped(second) for _, second in parted])]


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
