"""A report as one HTML file that needs nothing else: no network, no other file.

All texts are escaped. Tables are sorted by a click on a column's head; figures are SVG in the page, drawn for a light
background and turned dark by the style sheet where the reader's system is.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
from matplotlib.figure import Figure

from reports.render import Section

STYLE = Path(__file__).with_name("page.css")
SCRIPT = Path(__file__).with_name("page.js")
SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Picture:
    """A figure of a page.

    Attributes:
        title: above it.
        figure: drawn for a light background.
        hover: for each group of markers by its `gid`, a text a marker, that is shown where the pointer is on it.
        remark: below it.
    """

    title: str
    figure: Figure
    hover: Mapping[str, Sequence[str]] = field(default_factory=dict)
    remark: str = ""


@dataclass(frozen=True)
class Page:
    """What a page shows, from above.

    Attributes:
        title: of the page.
        lead: a sentence below it.
        facts: what is known of the run, each a label and a text.
        findings: sentences, the most important first.
        parts: tables and figures.
        problems: what went wrong, a text each.
        refresh: seconds until a browser loads the page again; 0: it does not.
    """

    title: str
    lead: str
    facts: Sequence[tuple[str, str]] = ()
    findings: Sequence[str] = ()
    parts: Sequence[Section | Picture] = ()
    problems: Sequence[str] = ()
    refresh: int = 0


def html(page: Page) -> str:
    """The page as the text of a file."""
    body = [
        f"<h1>{escape(page.title)}</h1>",
        f'<p class="lead">{escape(page.lead)}</p>',
        '<p class="running">The run goes on, and this page with it.</p>' if page.refresh else "",
        _facts(page.facts),
        _list("Findings", page.findings),
        _list("Problems", page.problems, "problems"),
        *(_picture(part, i) if isinstance(part, Picture) else _table(part) for i, part in enumerate(page.parts)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        + (f'<meta http-equiv="refresh" content="{page.refresh}">\n' if page.refresh else "")
        + '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(page.title)}</title>\n'
        f"<style>\n{STYLE.read_text()}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(filter(None, body))
        + f"\n</main>\n<script>\n{SCRIPT.read_text()}</script>\n</body>\n</html>\n"
    )


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    items = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(text)}</dd></div>" for label, text in facts)
    return f'<dl class="facts">{items}</dl>' if facts else ""


def _list(title: str, lines: Sequence[str], kind: str = "findings") -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<section class="{kind}"><h2>{title}</h2><ul>{items}</ul></section>' if lines else ""


def _table(section: Section) -> str:
    columns = section.columns
    kinds = ["number" if column.number else "text" for column in columns]
    heads = "".join(
        f'<th scope="col" class="{kind}"><button type="button">{"<br>".join(map(escape, column.label.split(chr(10))))}'
        "</button></th>"
        for column, kind in zip(columns, kinds, strict=True)
    )
    rows = "\n".join(
        "<tr>"
        + "".join(f'<td class="{k}">{escape(str(cell))}</td>' for k, cell in zip(kinds, row, strict=True))
        + "</tr>"
        for row in _filled(section)
    )
    remarks = "".join(f"<p>{escape(remark)}</p>" for remark in section.remarks)
    return (
        f'<section><h2>{escape(section.title)}</h2><div class="wide"><table><thead><tr>{heads}</tr></thead>'
        f'<tbody>\n{rows}\n</tbody></table></div><div class="remarks">{remarks}</div></section>'
    )


def _filled(section: Section) -> list[list[str]]:
    """The cells; a group or factor that is printed once stands in each of its rows, so that sorted rows keep it."""
    frame = section.frame
    for name in frame.columns.intersection(["group", "factor"]):
        frame = frame.assign(**{name: frame[name].where(frame[name] != "").ffill().fillna("")})
    return frame.to_numpy().tolist()


def _picture(picture: Picture, number: int) -> str:
    remark = f'<div class="remarks"><p>{escape(picture.remark)}</p></div>' if picture.remark else ""
    drawn = svg(picture.figure, picture.hover, f"figure{number}")
    return f'<section><h2>{escape(picture.title)}</h2><figure class="wide">{drawn}</figure>{remark}</section>'


def svg(figure: Figure, hover: Mapping[str, Sequence[str]], name: str) -> str:
    """A figure as an element of a page.

    Args:
        figure: to be drawn.
        hover: as `Picture` has it.
        name: keeps its ids apart from those of other figures of the page.

    Raises:
        ValueError: if a group has not as many markers as texts.
    """
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    root = ElementTree.fromstring(file.getvalue())
    for child in root.findall(f"{{{SVG}}}metadata"):
        root.remove(child)
    for gid, texts in hover.items():
        _title_markers(root, gid, texts)
    for element in root.iter():
        for key, value in element.attrib.items():
            if key == "id":
                element.set(key, f"{name}-{value}")
            elif key == f"{{{XLINK}}}href" and value.startswith("#"):
                element.set(key, f"#{name}-{value[1:]}")
            elif "url(#" in value:
                element.set(key, value.replace("url(#", f"url(#{name}-"))
    return ElementTree.tostring(root, encoding="unicode")


def _title_markers(root: ElementTree.Element, gid: str, texts: Sequence[str]) -> None:
    """Give each marker of a group a title, which a browser shows where the pointer is."""
    uses = [use for group in root.iter(f"{{{SVG}}}g") if group.get("id") == gid for use in group.iter(f"{{{SVG}}}use")]
    if len(uses) != len(texts):
        raise ValueError(f"{gid} has {len(uses)} markers, got {len(texts)} texts")
    for use, text in zip(uses, texts, strict=True):
        ElementTree.SubElement(use, f"{{{SVG}}}title").text = text
