"""The page: what it says, how it looks in a browser, and that no name in a log can act in it."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from client_connect_tools.replay.report.charts import chart
from client_connect_tools.replay.report.html import page
from client_connect_tools.replay.tally import Tally
from client_connect_tools.replay.timeline import Timeline
from tests.support.connection_logs import PERMIT, connection, forbid, record, replayed
from tests.unit.tools.replay.browser import browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.tools.replay.browser import Browser

EVIL = (
    "<script>document.title = 'owned'</script>",
    '"><img src=x onerror="document.title = \'owned\'">',
    "</td></table></title></script><svg/onload=alert(1)>",
    "${footer} $charts &lt;b&gt; {{1}}",
    "\u202egro.elpmaxe@bob\u2066",
    "tab\tline\nreturn\r\x1b[2J\x00",
)
POLICIES = (
    PERMIT
    + forbid("mac", 'when { context.platform == "mac" }')
    + forbid("<i>two</i>", 'when { context.platform == "<b>odd</b>" }')
    + forbid("old", "when { context has os && context.os.major < 10 }")
)


def tally() -> Tally:
    """Return what was found in a log with names that were chosen to do harm."""
    entries: list[object] = [connection(), connection(device_type="mac", username="<u>eve</u>")]
    for number in range(30):
        entries += [
            record(username=f"user{number}", platform="mac", minutes=60 * number, connection_id=f"c{attempt}")
            for attempt in range(number + 1)
        ]
    entries += [record(username=name, platform="<b>odd</b>") for name in EVIL]
    entries += [record(username="freed", allowed=False, determining=["<script>alert(2)</script>"])]
    return replayed(POLICIES, *entries, {"type": "platform.start"})


def html(**changes: Any) -> str:
    """Return the page."""
    return page(tally(), **{"description": "Made by a test.", "seconds": 1.5} | changes)


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.texts.append(data)


def test_names_are_text_and_nothing_else() -> None:
    """Whatever they look like, only the template's own tags are in the page, and names are shown in full."""
    found = Tags(html(description="<script>alert(3)</script>"))
    names = [tag for tag, _ in found.tags]
    assert names.count("script") == 1
    assert not {"img", "b", "i", "u"} & set(names) - {"b", "i"}
    assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
    text = "".join(found.texts)
    for name in (*EVIL[:4], "<u>eve</u> ", "<i>two</i>", "<b>odd</b>", "<script>alert(3)</script>"):
        assert name.strip() in text
    assert r"\u202egro.elpmaxe@bob\u2066" in text
    assert r"tab\tline\nreturn\r\x1b[2J\x00" in text


def test_the_page_asks_the_network_for_nothing() -> None:
    """No address is in it, and its policy forbids the browser to look for one."""
    text = html()
    assert not re.search(r"https?://|//[a-z]|url\(|@import", text.replace("data:,", ""))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")


def test_the_page_of_a_replay_without_findings() -> None:
    """Charts and tables that would be empty say so or are left out."""
    text = page(Tally(), description="Nothing.", seconds=0)
    assert text.count("None.") == 4
    assert "Nothing is known of who would lose or gain access." in text
    assert text.count("<table>") == 1


@pytest.mark.parametrize(
    ("seconds", "width", "marks"),
    [
        ([0], 60, ["Nov 23 12:00"]),
        ([0, 3600], 60, [f"Nov 23 {time}" for time in ("12:00", "12:15", "12:30", "12:45", "13:00")]),
        ([0, 86_400 * 4], 3600, ["Nov 24", "Nov 25", "Nov 26", "Nov 27"]),
        ([0, 86_400 * 30], 86_400, ["Nov 23", "Nov 30", "Dec 07", "Dec 14", "Dec 21"]),
    ],
)
def test_the_time_axis_fits_the_span(seconds: list[int], width: int, marks: list[str]) -> None:
    """Few marks, at times that one would write on an axis; weeks begin on Monday."""
    timeline, start = Timeline(), int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp())
    for second in seconds:
        timeline.add(start + second, [("decisions", "allowed")])
    found = re.findall(r">(\w{3} \d\d[^<]*)</text>", chart(timeline, "decisions"))
    assert timeline.width == width
    assert found == marks


def test_a_chart_shows_the_largest_and_adds_up_the_rest() -> None:
    """At most eight colours; bars are as high as the axis says."""
    timeline = Timeline()
    for number in range(1, 13):
        timeline.add(number * 60, [("denials by policy", f"p{number:02}")] * number)
    drawn = chart(timeline, "denials by policy")
    legend = re.findall(r"</i>([^<]+)</li>", drawn)
    assert legend == ["p12", "p11", "p10", "p09", "p08", "p07", "p06", "others"]
    assert re.findall(r'text-anchor="end">(\d+)</text>', drawn) == ["0", "6", "12"]
    tallest = max(float(height) for height in re.findall(r'height="([\d.]+)"><title>', drawn))
    lines = [float(y) for y in re.findall(r'y1="([\d.]+)"', drawn)]
    assert tallest == pytest.approx(max(lines) - min(lines), abs=0.1)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Open the page in a browser."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "report.html").write_text(html(), "utf-8")
    with browser(folder / "profile") as started:
        started.open(folder / "report.html")
        yield started


USERS = "//section[h2='Newly denied, by user']"


def column(opened: Browser, number: int) -> list[str]:
    """Return what one sees in a column of the table of users."""
    return opened.texts(f"{USERS}//tbody/tr/td[{number}]")


def test_a_click_on_a_header_sorts(opened: Browser) -> None:
    """Names from a to z first and numbers from the largest, the other way with the next click."""
    assert column(opened, 2)[:3] == ["30", "29", "28"]
    assert column(opened, 3)[:3] == ["yes"] * 3
    opened.click(f"{USERS}//button[.='user']")
    ascending = column(opened, 1)
    assert [name for name in ascending if name.startswith("user")] == [
        f"user{number}" for number in range(30)
    ]
    assert opened.run("return document.querySelectorAll('[aria-sort]').length") == 1
    assert opened.texts(f"{USERS}//th[@aria-sort='ascending']") == ["user"]
    opened.click(f"{USERS}//button[.='user']")
    assert column(opened, 1) == ascending[::-1]
    opened.click(f"{USERS}//button[.='connections']")
    numbers = [int(count) for count in column(opened, 2)]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == 30
    opened.click(f"{USERS}//button[.='first seen']")
    times = column(opened, 4)
    assert times == sorted(times)
    assert times[0].startswith("2026-11-23 12:00")


def test_names_do_nothing_in_a_browser(opened: Browser) -> None:
    """They are seen as they are, nothing of them ran, nothing was asked for, and the console is quiet."""
    assert opened.run("return document.title") == "Replay of client connections"
    assert opened.run("return [document.images.length, document.scripts.length]") == [0, 1]
    assert opened.run("return performance.getEntriesByType('resource').length") == 0
    assert EVIL[0] in column(opened, 1)
    assert opened.messages() == []


def test_no_script_but_the_page_s_own_would_run(opened: Browser) -> None:
    """Even if a name were not escaped, the page's policy stops it."""
    opened.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
    opened.run(
        "const s = document.createElement('script'); s.text = 'document.title = 2'; document.body.append(s)"
    )
    assert opened.run("return document.title") == "Replay of client connections"
    assert any("Content Security Policy" in message for message in opened.messages())
    opened.run(
        "document.querySelectorAll('img, body > script:last-of-type:not(:only-of-type)').forEach(e => e.remove())"
    )


@pytest.mark.parametrize(("width", "charts_in_a_row"), [(375, 1), (1280, 2)])
def test_narrow_and_wide_screens(opened: Browser, width: int, charts_in_a_row: int, tmp_path: Path) -> None:
    """Nothing sticks out of the page, and charts stand side by side where there is room."""
    opened.command(
        "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
    )
    assert opened.run("return innerWidth") == width
    assert opened.run("return document.documentElement.scrollWidth") <= width
    tops = opened.run(
        "return [...document.querySelectorAll('figure')].map(f => f.getBoundingClientRect().top)"
    )
    assert len(tops) == 4
    assert tops.count(tops[0]) == charts_in_a_row
    bars = opened.run(
        "return [...document.querySelectorAll('svg rect')].every(r => r.getBoundingClientRect().height > 0)"
    )
    assert bars
    opened.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


def crowd() -> Tally:
    """Return what was found of more people than are printed, with long names."""
    names = [f"{'a' * 50}{number}@corp.example" for number in range(120)]
    policies = [forbid(f"policy-{'b' * 30}-{number}") for number in range(6)]
    return replayed(PERMIT + "".join(policies), *(record(username=name, platform="mac") for name in names))


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Open such a page in a browser."""
    folder = tmp_path_factory.mktemp("crowd")
    (folder / "report.html").write_text(page(crowd(), description="x" * 300, seconds=1), "utf-8")
    with browser(folder / "profile") as started:
        started.open(folder / "report.html")
        yield started


def resize(opened: Browser, width: int) -> None:
    """Make the window so wide."""
    opened.command(
        "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
    )


@pytest.fixture
def printed(crowded: Browser) -> Iterator[Browser]:
    """Show the page as it is printed on A4, on a system with dark colors."""
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    crowded.command("Emulation.setEmulatedMedia", media="print", features=dark)
    resize(crowded, 703)
    yield crowded
    crowded.command("Emulation.setEmulatedMedia", media="", features=[])


def test_it_prints_whole_columns_and_fifty_rows(printed: Browser) -> None:
    """Nothing scrolls on paper; how many rows are left out is printed below."""
    assert printed.run("return document.documentElement.scrollWidth") <= 703
    cut = "e => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1"
    assert printed.run(f"return [...document.querySelectorAll('.scroll')].filter({cut}).length") == 0
    rows = "[...document.querySelectorAll('tbody tr')].filter(row => row.textContent.startsWith('aaa'))"
    assert printed.run(f"return {rows}.filter(row => row.offsetHeight).length") == 50
    assert printed.texts(f"{USERS}/p") == ["70 more rows are in the page, and not printed."]
    assert printed.run("return document.querySelectorAll('.printed').length") == 1


def test_the_colors_of_charts_and_legends_are_printed(printed: Browser) -> None:
    """Without the browser's option for backgrounds, dark on light, and alike in bars and legends."""
    style = "getComputedStyle(document.querySelector('.legend i'))"
    assert printed.run(f"return {style}.printColorAdjust || {style}.webkitPrintColorAdjust") == "exact"
    legend = printed.run(f"return {style}.backgroundColor")
    assert legend == printed.run("return getComputedStyle(document.querySelector('svg rect')).fill")
    assert _lightness(printed.run("return getComputedStyle(document.body).color")) < 200
    pdf = base64.b64decode(printed.command("Page.printToPDF", printBackground=False)["data"])
    assert pdf.startswith(b"%PDF-")


@pytest.mark.parametrize("width", [390, 1400])
def test_a_page_of_long_names_fits_a_screen(crowded: Browser, width: int) -> None:
    """Names break; only tables scroll."""
    resize(crowded, width)
    assert crowded.run("return document.documentElement.scrollWidth") <= width
    assert crowded.texts("//p[@class='verdict']")[0].startswith("100% of connections, 120 of 120 people")


def test_light_and_dark(opened: Browser) -> None:
    """As the system has it, with text that can be read on what is behind it."""
    for scheme, dark in (("light", False), ("dark", True)):
        opened.command(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )
        style = "getComputedStyle(document.body)"
        behind, text = opened.run(f"return [{style}.backgroundColor, {style}.color]")
        assert (_lightness(behind) < _lightness(text)) is dark
        assert abs(_lightness(behind) - _lightness(text)) > 400


def _lightness(colour: str) -> int:
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3])
