"""The page of ``client-connect why``: the same as on a terminal, in a file that asks the network for nothing."""

from __future__ import annotations

import base64
import json
import re
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from tests.support.connection_logs import connection, record
from tests.unit.tools.replay.browser import browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

    from tests.unit.tools.replay.browser import Browser

POLICIES = """
@id("staff") permit (principal, action, resource);
@id("old") @message("Update.") forbid (principal, action, resource)
when { context has os && context.os has build && context.os.build < 22631 };
"""
EVIL = (
    "<script>document.title = 'owned'</script>",
    '"><img src=x onerror="document.title = 1">',
    "</li></ol></title></style><svg/onload=alert(1)>",
    "$who ${events} &lt;b&gt;",
    "\u202egro.elpmaxe@bob\u2066",
    "tab\tline\nreturn\r\x1b[2J\x00",
)


def denied(minutes: int, **changes: object) -> dict[str, Any]:
    """Return a denial by an old Windows of a device that is not compliant, by a clock in Berlin."""
    entry = record(
        allowed=False,
        determining=("old",),
        minutes=minutes,
        connection_id=f"c{minutes}",
        platform_version="10.0.19045,amd64",
        **changes,
    )
    entry["decision"]["message"] = "Update."
    device = {"compliant": False, "lastSeen": "2026-11-20T08:00:00+00:00"}
    return entry | {"facts": {"timeZone": "Europe/Berlin", "inventory": "known", "device": device}}


def history() -> list[dict[str, Any]]:
    """Return a log with each kind of event."""
    waiver = {"policyId": "old", "until": "2026-12-01T00:00:00Z", "reason": "travels", "approvedBy": "carol"}
    ended = denied(30) | {"connection": "c30", "reason": "policies", "dryRun": False}
    del ended["allow"]
    return [
        denied(0),
        denied(2),
        record(minutes=5, connection_id="c5", determining=("staff",))
        | {"waiversUsed": [waiver], "facts": {"waivers": ["old"]}},
        ended,
        denied(31, username="bobby"),
        connection(
            connection_id="c5",
            connection_log_type="connection-reset",
            connection_attempt_status="NA",
            connection_end_time="2026-11-23 14:00:00",
        ),
    ]


def run(folder: Path, *entries: dict[str, Any], arguments: tuple[str, ...] = ("--username", "bob")) -> Result:
    """Run the command with a page."""
    (folder / "log").write_text("".join(f"{json.dumps(each)}\n" for each in entries), "utf-8")
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "policies" / "p.cedar").write_text(POLICIES, "utf-8")
    given = ("why", folder / "log", "--policies", folder / "policies", "--html", folder / "page.html")
    return CliRunner().invoke(main, [*map(str, given), *arguments], catch_exceptions=False)


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes, and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        if data.strip():
            self.texts.append(data.strip())


def test_the_page_has_each_line_of_the_terminal(tmp_path: Path) -> None:
    """In the same order: verdict, attempts, waivers, device states, terminations, reasons and notes."""
    result = run(tmp_path, *history(), arguments=("--username", "boB"))
    assert result.exit_code == 0
    texts = Tags((tmp_path / "page.html").read_text("utf-8")).texts
    printed = [
        part.strip()
        for line in result.stdout.splitlines()
        for part in re.split(r"(?<=Z\)|\dZ)  ", line)
        if part
    ]
    shown = [text for text in texts if text in printed]
    assert shown == [part for part in printed if part]
    for part in ("waiver used: old until", "the inventory says: not compliant", "ended by the re-authorizer"):
        assert any(part in text for text in texts)


def test_json_may_be_printed_beside_the_page(tmp_path: Path) -> None:
    """For programs and people at once."""
    result = run(tmp_path, *history(), arguments=("--username", "bob", "--json"))
    assert len(json.loads(result.stdout)["events"]) == 5
    assert "old denies because:" in (tmp_path / "page.html").read_text("utf-8")


def test_the_page_of_somebody_of_whom_there_is_nothing(tmp_path: Path) -> None:
    """It says what was read, and which names are similar; the status is 1 all the same."""
    result = run(tmp_path, *history(), arguments=("--username", "bobb"))
    assert result.exit_code == 1
    texts = Tags((tmp_path / "page.html").read_text("utf-8")).texts
    assert "the logs have nothing of bobb." in texts
    assert any(text.startswith("Similar names in the logs: ") for text in texts)


def test_the_page_is_its_owner_s(tmp_path: Path) -> None:
    """A link in its place is refused before logs are read."""
    run(tmp_path, *history())
    page = tmp_path / "page.html"
    assert page.stat().st_mode & 0o777 == 0o600 or sys.platform == "win32"
    page.unlink()
    page.symlink_to(tmp_path / "log")
    result = run(tmp_path, *history())
    assert (result.exit_code, result.stdout) == (2, "")
    assert "it is a link to" in result.stderr


def hostile() -> list[dict[str, Any]]:
    """Return a log with texts that were chosen to do harm in each of their places."""
    entries = [denied(0)]
    for minute, text in enumerate(EVIL):
        entry = denied(minute + 1, common_name=text, platform=text, groups=[text])
        entry["decision"] |= {"message": text, "determining": [text]}
        entries.append(entry | {"unavailable": {"registry": text}})
    return entries


def test_texts_of_a_log_are_text_and_nothing_else(tmp_path: Path) -> None:
    """Whatever they look like, only the template's own tags are in the page."""
    run(tmp_path, *hostile())
    page = (tmp_path / "page.html").read_text("utf-8")
    found = Tags(page)
    assert not {"script", "img", "svg"} & {name for name, _ in found.tags}
    assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
    text = "\n".join(found.texts)
    for evil in EVIL[:4]:
        assert evil in text
    assert r"\u202egro.elpmaxe@bob\u2066" in text
    assert not {"\u202e", "\x1b", "\x00"} & set(page)
    assert not re.search(r"https?://|url\(|@import", page.replace("data:,", ""))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Open the page of a hostile log in a browser."""
    folder = tmp_path_factory.mktemp("page")
    run(folder, *history(), *hostile(), denied(40, common_name="a" * 300))
    with browser(folder / "profile") as started:
        started.open(folder / "page.html")
        yield started


@pytest.mark.parametrize("width", [390, 1400])
def test_it_fits_a_screen(opened: Browser, width: int) -> None:
    """And nothing of the log ran or was asked for."""
    opened.command(
        "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
    )
    assert opened.run("return document.documentElement.scrollWidth") <= width
    assert opened.run("return document.title") == "What happened to bob"
    assert opened.run("return performance.getEntriesByType('resource').length") == 0
    assert opened.messages() == []


def test_it_prints_in_its_colors(opened: Browser) -> None:
    """Dark on light, whatever the system has."""
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    opened.command("Emulation.setEmulatedMedia", media="print", features=dark)
    style = "getComputedStyle(document.querySelector('li.bad'))"
    assert opened.run(f"return {style}.printColorAdjust || {style}.webkitPrintColorAdjust") == "exact"
    assert opened.run(f"return {style}.backgroundColor") == "rgb(255, 255, 255)"
    pdf = base64.b64decode(opened.command("Page.printToPDF", printBackground=False)["data"])
    opened.command("Emulation.setEmulatedMedia", media="", features=[])
    assert pdf.startswith(b"%PDF-")
