"""A page: one file that loads nothing, shows what it is given as text, sorts, and fits a phone; in a real browser."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from matplotlib.figure import Figure

from reports.page import Page, Picture, html, svg
from reports.render import Section

EVIL = '</title><script>document.title = "taken"</script>'
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic"),
)


def scatter(points: int) -> Figure:
    figure = Figure()
    figure.subplots().scatter(range(points), range(points)).set_gid("trials")
    return figure


@pytest.fixture
def page() -> Page:
    frame = pd.DataFrame(
        {
            "group": ["one", "", "two"],
            "arm": [EVIL, "b", "a"],
            "difference": ["\u22122.5 \u00b1 0.1", "+10.0 \u00b1 3.0", ""],
            "verdict": ["lower", "higher", "baseline"],
        }
    )
    picture = Picture("Trials", scatter(3), {"trials": ["first", EVIL, "third"]}, "a remark")
    return Page(
        f"mine {EVIL}", EVIL, [("Scale", EVIL)], [EVIL], [Section(EVIL, frame, [EVIL]), picture, picture], [EVIL]
    )


def test_texts_are_never_markup(page: Page) -> None:
    tags = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append((tag, dict(attrs)))  # type: ignore[method-assign]
    parser.feed(html(page))
    assert [tag for tag, _ in tags].count("script") == 1, "the page's own"
    assert not [name for _, attrs in tags for name in attrs if name.startswith("on")]


def test_nothing_is_loaded_and_the_policy_of_the_page_forbids_it(page: Page) -> None:
    text = html(page)
    assert "default-src 'none'" in text
    links = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert all(link.startswith(("#", "data:")) for link in links)


def test_two_figures_of_a_page_have_no_id_in_common_and_find_their_own(page: Page) -> None:
    text = html(page)
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids)) > 0
    wanted = re.findall(r'(?:href="#|url\(#)([^")]+)', text)
    assert set(wanted) <= set(ids)


def test_each_marker_has_its_text() -> None:
    root = ElementTree.fromstring(svg(scatter(3), {"trials": ["first", EVIL, "third"]}, "f"))
    assert [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")] == ["first", EVIL, "third"]
    with pytest.raises(ValueError, match="trials has 3 markers, got 1 texts"):
        svg(scatter(3), {"trials": ["first"]}, "f")


def test_the_same_page_is_the_same_file(page: Page) -> None:
    assert html(page) == html(page)


def browsed(page: Page, script: str, tmp_path: Path, width: int = 1200) -> object:
    """What an expression is in a browser that shows the page, as JSON."""
    path = tmp_path / "page.html"
    policy_off = html(page).replace("</body>", f"<script>document.title = JSON.stringify({script})</script></body>")
    path.write_text(policy_off)
    assert BROWSER
    done = subprocess.run(
        [
            BROWSER, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},800",
            "--enable-logging=stderr", "--v=0", "--dump-dom", path.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert not console
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert title
    parser, texts = HTMLParser(), []
    parser.handle_data = texts.append  # type: ignore[method-assign]
    parser.feed(title.group(1))
    parser.close()
    return json.loads("".join(texts))


needs_browser = pytest.mark.skipif(not BROWSER, reason="no Chromium here: apt-get install chromium")


@needs_browser
@pytest.mark.slow
def test_a_click_on_a_head_sorts_by_its_numbers_and_a_second_one_turns_them(page: Page, tmp_path: Path) -> None:
    script = """(() => {
      const rows = () => [...document.querySelectorAll("tbody tr")].map((row) => row.cells[2].textContent);
      const head = document.querySelectorAll("th")[2];
      const seen = [rows()];
      for (const turn of [0, 1]) { head.querySelector("button").click(); seen.push(rows()); }
      return [...seen, head.getAttribute("aria-sort"), document.querySelectorAll("tbody td")[0].textContent];
    })()"""
    low, high = "\u22122.5 \u00b1 0.1", "+10.0 \u00b1 3.0"
    assert browsed(page, script, tmp_path) == [[low, high, ""], [low, high, ""], [high, low, ""], "descending", "one"]


@needs_browser
@pytest.mark.slow
def test_on_a_phone_only_tables_and_figures_scroll_sideways(page: Page, tmp_path: Path) -> None:
    script = "[document.documentElement.scrollWidth - document.documentElement.clientWidth, document.images.length]"
    assert browsed(page, script, tmp_path, width=400) == [0, 0]
