"""Markdown tables, read back by a parser of GitHub's dialect."""

import pandas as pd
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reports.render import Section, render

ODD = [
    "a | b",
    "*bold*, **more** and __init__",
    "cnn_to_vit _x_",
    "`code` ~~gone~~",
    "<b>&lt;",
    r"back\slash \| end\\",
    "[text](https://example.org)",
    "$x$",
    "two\nlines",
    "\u0394 \u00b1 1 \u2212 2 %",
]


def texts(tokens: list[Token], kind: str) -> list[str]:
    """What is shown between the tags of a kind."""
    inside = [tokens[i + 1] for i, token in enumerate(tokens) if token.type == f"{kind}_open"]
    allowed = {"text", "text_special", "strong_open", "strong_close"}
    assert {child.type for token in inside for child in token.children or []} <= allowed
    return ["".join(child.content for child in token.children or []) for token in inside]


@pytest.mark.parametrize("odd", ODD)
def test_every_text_is_shown_as_it_is(odd: str) -> None:
    frame = pd.DataFrame({"group": [odd, ""], "arm": ["x", odd], "accuracy": ["80.0 \u00b1 1.0", ""]})
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(render([Section(odd, frame, [odd, f"1. {odd}"])], "md"))
    shown = " ".join(odd.split())
    assert [t.attrGet("style") for t in tokens if t.type == "th_open"][1:] == ["text-align:left", "text-align:right"]
    assert texts(tokens, "th") == ["Group", "Arm", "Top-1 (%) ours"]
    assert texts(tokens, "td") == [shown, "x", "80.0 \u00b1 1.0", "", shown, ""]
    title, *remarks = texts(tokens, "paragraph")
    assert title == shown
    assert remarks == [shown, shown]
