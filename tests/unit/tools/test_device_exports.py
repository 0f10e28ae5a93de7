"""Files of devices as people have them: exports of device managers, Excel, PowerShell and APIs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from client_connect_tools.devices import cells
from client_connect_tools.devices.columns import Reading, columns_of
from client_connect_tools.devices.csv_file import read_csv
from client_connect_tools.devices.exports import EXPORTS, recognized
from client_connect_tools.inputs.device_json import MalformedDevice
from client_connect_tools.inputs.time_zones import time_zone_named
from tests.support.device_exports import FLEET, INTUNE, JAMF

if TYPE_CHECKING:
    from pathlib import Path

OWN = "commonName,compliant,lastSeen,os,owner\nlaptop-1,Yes,2026-11-29T07:30:11Z,10.0.22631,bob\n"
GRAPH = {
    "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#deviceManagement/managedDevices",
    "value": [
        {
            "azureADDeviceId": "AA-1",
            "complianceState": "compliant",
            "osVersion": "10.0.1",
            "lastSyncDateTime": "2026-11-29T07:30:11Z",
        },
        {
            "azureADDeviceId": "AA-2",
            "complianceState": "unknown",
            "osVersion": None,
            "lastSyncDateTime": "0001-01-01T00:00:00Z",
        },
    ],
}


def imported(path: Path, *options: str) -> tuple[dict[str, Any], str, int]:
    """Try an import; return the tally, what was reported, and the status."""
    result = CliRunner().invoke(main, ["devices", "import", str(path), "--dry-run", "--json", *options])
    tally = json.loads(result.stdout) if result.stdout else {}
    return tally, result.stderr, result.exit_code


def file(folder: Path, content: str | bytes, name: str = "devices.csv") -> Path:
    """Write a file."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "name", "options", "count"),
    [
        (INTUNE, "i.csv", ["--from", "intune", "--time-zone", "UTC"], 4),
        (INTUNE, "i.csv", ["--from", "intune", "--time-zone", "UTC", "--column", "commonName=Device name"], 4),
        (INTUNE.replace(",", ";"), "i.csv", ["--from", "intune", "--time-zone", "UTC"], 4),
        (INTUNE.replace(",", "\t"), "i.tsv", ["--from", "intune", "--time-zone", "UTC"], 4),
        ("sep=;\r\n" + INTUNE.replace(",", ";"), "i.csv", ["--from", "intune", "--time-zone", "UTC"], 4),
        ("#TYPE System.Object\n" + INTUNE, "i.csv", ["--from", "intune", "--time-zone", "UTC"], 4),
        (INTUNE.encode("utf-8-sig"), "i.csv", ["--from", "intune", "--time-zone", "UTC"], 4),
        (INTUNE.encode("utf-16"), "i.csv", ["--from", "intune", "--time-zone", "UTC"], 4),
        (INTUNE.encode("utf-16-le"), "i.csv", ["--from", "intune", "--time-zone", "UTC"], 4),
        (INTUNE.encode("utf-16-be"), "i.csv", ["--from", "intune", "--time-zone", "UTC"], 4),
        (INTUNE.encode("utf-32"), "i.csv", ["--from", "intune", "--time-zone", "UTC"], 4),
        (INTUNE.replace("bob", "b\u00f6b").encode("cp1252"), "i.csv",
         ["--from", "intune", "--time-zone", "UTC", "--encoding", "cp1252", "--column", "owner=Primary user UPN"], 4),
        (JAMF, "j.csv", ["--from", "jamf", "--time-zone", "America/Chicago"], 1),
        (FLEET, "f.csv", ["--from", "fleet"], 2),
        (OWN, "o.csv", [], 1),
        (OWN.replace("commonName,compliant,lastSeen", "Common Name,Compliant,last_seen"), "o.csv", [], 1),
        (json.dumps(GRAPH), "g.json", ["--from", "intune"], 2),
        (json.dumps(GRAPH, indent=2), "g.json", ["--from", "intune"], 2),
        ('{"name": "a", "data": []}\n{"name": "b", "data": []}\n', "l.jsonl", ["--column", "commonName=name"], 2),
        (json.dumps({**GRAPH, "value": []}), "g.json", ["--from", "intune"], 0),
        (json.dumps({"items": [], **GRAPH}), "g.json", ["--from", "intune"], 2),
        (json.dumps({"results": [], "data": GRAPH["value"]}), "g.json", ["--from", "intune"], 2),
        (json.dumps(GRAPH) + "\n" + json.dumps(GRAPH).replace("AA-", "BB-"), "pages.json", ["--from", "intune"], 4),
        (json.dumps({"totalCount": 1, "results": [{"hardware": {"serialNumber": "SN"},
                    "operatingSystem": {"version": "15.1"},
                    "general": {"lastContactTime": "2026-11-29T07:30:11.123Z"}}]}), "j.json", ["--from", "jamf"], 1),
        ('{\n  "commonName": "a",\n  "compliant": true\n}\n{\n  "commonName": "b"\n}\n', "pretty.json", [], 2),
        ("\n\n" + OWN + ",,,,\n  \n", "o.csv", [], 1),
        (OWN.replace("laptop-1", '="laptop-1"'), "o.csv", [], 1),
        (OWN.replace("Yes", "\u2713"), "o.csv", ["--value", "\u2713=true"], 1),
        ('[{"name": "a", "ok": "Low risk"}]', "a.json",
         ["--column", "commonName=name", "--column", "compliant=ok", "--value", "Low risk=true"], 1),
    ],
)  # fmt: skip
def test_files_as_people_have_them(
    tmp_path: Path, content: str | bytes, name: str, options: list[str], count: int
) -> None:
    """Nothing of them is rejected."""
    tally, reported, status = imported(file(tmp_path, content, name), *options)
    assert (tally, status) == ({"dryRun": True, "imported": count, "rejected": 0}, 0), reported


def test_what_an_export_says_is_what_is_imported(tmp_path: Path) -> None:
    """Word by word: the verdict, the time and the version; a grace period and what is not evaluated are no pass."""
    path = file(tmp_path, INTUNE)
    with path.open("rb") as opened:
        table = read_csv(opened)
        columns = columns_of(table, "intune", {"owner": "Primary user UPN"})
        assert columns is not None
        reading = Reading(columns, cells.Meanings(zone=time_zone_named("UTC")))
        devices = [line.value for line in reading.devices(table.lines)]  # type: ignore[union-attr]
    assert devices == [
        {"commonName": "aa-1", "compliant": True, "lastSeen": "2026-11-29T07:30:11+00:00", "os": "10.0.22631",
         "tags": {"owner": "bob@example.com"}},
        {"commonName": "aa-2", "compliant": False, "lastSeen": "2026-11-28T07:30:11+00:00", "os": "10.0.19045",
         "tags": {"owner": "eve@example.com"}},
        {"commonName": "aa-3", "compliant": False, "lastSeen": None, "os": "15.1",
         "tags": {"owner": "eve@example.com"}},
        {"commonName": "aa-4", "compliant": None, "lastSeen": None, "os": None, "tags": {}},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "name", "options", "message"),
    [
        (INTUNE, "i.csv", [], "looks like an export of Microsoft Intune: say --from intune"),
        (JAMF, "j.csv", [], "looks like an export of Jamf Pro: say --from jamf"),
        (INTUNE, "i.csv", ["--from", "intune"], "which has no time zone; give one such as"),
        (INTUNE, "i.csv", ["--from", "intune"], "as in --time-zone UTC"),
        ("a,b\n1,2\n", "x.csv", [], "see what client-connect devices template FILE proposes"),
        ("commonName,os_version\na,10.0\n", "x.csv", [], 'say --column os="os_version"'),
        (OWN, "o.csv", ["--column", "commonName=Name"],
         'commonName="Name": that column is not there; the header is "common'),
        (OWN, "o.csv", ["--column", "commonName"], "write NAME=COLUMN"),
        (OWN, "o.csv", ["--column", "a=owner", "--column", "a=os"], '--column names "a" twice'),
        (OWN, "o.csv", ["--from", "acme"], '--from is "acme"; there are intune, jamf, fleet'),
        (OWN, "o.csv", ["--value", "maybe"], '--value is "maybe"; write "WORD=true"'),
        (OWN, "o.csv", ["--encoding", "utf-12"], 'there is no encoding "utf-12"'),
        (OWN.replace("Yes", "Low risk"), "o.csv", [], 'say so, by --value "Low risk=true"'),
        (OWN.replace("2026-11-29T07:30:11Z", "04/03/2026 10:00"), "o.csv", [],
         "which may be 2026-03-04 or 2026-04-03; say "),
        (OWN.replace("laptop-1", "To be filled by O.E.M."), "o.csv", ["--column", "commonName=commonName"],
         "a placeholder as"),
        (json.dumps({**GRAPH, "@odata.nextLink": "https://x"}), "g.json", ["--from", "intune"],
         "there are more; give all"),
        (json.dumps({**GRAPH, "meta": {"pagination": {"next": "abc"}}}), "g.json", ["--from", "intune"],
         "there are more; give all"),
        (json.dumps({**GRAPH, "totalCount": 500}), "g.json", ["--from", "intune"],
         "it says that there are 500 devices, and has 2; give all pages"),
        ('[{"name": "a", "ok": ["compliant"]}]', "a.json",
         ["--column", "commonName=name", "--column", "compliant=ok"], "is no single value; name the field in it"),
        ('[{"name": "a", "seen": 46348.5}]', "a.json", ["--column", "commonName=name", "--column", "lastSeen=seen"],
         "is no time in seconds or milliseconds since 1970"),
        (json.dumps([{"name": "a", "seen": 10**400}]), "a.json",
         ["--column", "commonName=name", "--column", "lastSeen=seen"], "is no time in seconds"),
        (json.dumps({"devices": GRAPH["value"], "systems": GRAPH["value"]}), "g.json", ["--from", "intune"],
         'both "devices" and "systems" may be the devices'),
        (OWN, "o.csv", ["--column", "commonName=owner", "--column", "Compliant=compliant"],
         '--column names "Compliant", which would be a tag; write compliant="compliant"'),
        (OWN, "o.csv", ["--value", "Low risk=true", "--value", "low-risk=false"], "says twice, and otherwise"),
        (OWN.replace("owner", "Common Name"), "o.csv", [], 'has "commonName" and "Common Name", which mean the same'),
        (OWN.replace("commonName", "'commonName'"), "o.csv", [], "in quotes that mean nothing"),
        (OWN.replace("laptop-1", "1.23457E+11"), "o.csv", [], "a number that a spreadsheet has rounded"),
        (OWN.encode("utf-32-le"), "o.csv", [], "is not UTF-8; save the file as UTF-8"),
        (INTUNE.replace("Last check-in,", "Last check-in\0,").encode("utf-16")[:-1], "i.csv", ["--from", "intune"],
         "is not utf-16"),
        (INTUNE.encode("cp1252").replace(b"bob", b"b\xf6b"), "i.csv", ["--from", "intune", "--time-zone", "UTC"],
         "--encoding cp1252"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_told_with_the_option_that_helps(
    tmp_path: Path, content: str | bytes, name: str, options: list[str], message: str
) -> None:
    """With its line, if it is one."""
    tally, reported, status = imported(file(tmp_path, content, name), *options)
    assert status in (1, 2)
    assert message in reported, (tally, reported)


@pytest.mark.parametrize(
    "word", ["-1", "!compliant", "\u2713", "\u2717", "not compliant!", "+1", "~true", "(1)"]
)
def test_a_sign_before_a_word_is_not_overlooked(word: str) -> None:
    """As in a file that has -1 for an error: what is not known for sure is no pass."""
    with pytest.raises(MalformedDevice, match="and it is not known whether that is compliant"):
        cells.verdict(word, cells.Meanings(), column="c")


@pytest.mark.parametrize("word", ["-", "\u2014", "?", "N/A", "n.a.", "Not evaluated"])
def test_words_for_nothing_are_not_known(word: str) -> None:
    """And reported nowhere, as an empty cell."""
    assert cells.verdict(word, cells.Meanings(), column="c") is None


@pytest.mark.parametrize(
    ("content", "name", "options", "message"),
    [
        ('[{"name": "a", "state": "yes"}]', "a.json", ["--column", "commonName=name", "--column", "compliant=stat"],
         'no device has compliant: nothing is at "stat"\n'),
        (INTUNE.replace("Compliance", "Konformit\u00e4t"), "i.csv", ["--from", "intune", "--time-zone", "UTC"],
         'no device has compliant: nothing is at "Compliance" or'),
    ],
)  # fmt: skip
def test_what_no_device_has_is_told(
    tmp_path: Path, content: str, name: str, options: list[str], message: str
) -> None:
    """A field that is spelled otherwise would leave all devices without a verdict."""
    _, reported, status = imported(file(tmp_path, content, name), *options)
    assert (status, message in reported) == (0, True), reported


def test_columns_that_are_left_out_are_told(tmp_path: Path) -> None:
    """And how many versions have no number."""
    path = file(tmp_path, INTUNE.replace("10.0.22631.4460", "eleven"))
    _, reported, status = imported(path, "--from", "intune", "--time-zone", "UTC")
    assert status == 0
    assert (
        "columns that are not imported: Device ID, Device name, Serial number, Primary user UPN, OS\n"
        in reported
    )
    assert "1 device with a version of the system that has no number: it is not known\n" in reported


@pytest.mark.parametrize(
    ("text", "dates", "expected"),
    [
        ("2026-11-29 07:30:11.0000000", None, "2026-11-29T07:30:11+00:00"),
        ("2026-11-29T07:30:11.123456789Z", None, "2026-11-29T07:30:11.123456+00:00"),
        ("11/29/2026 7:30:11 AM", None, "2026-11-29T07:30:11+00:00"),
        ("29.11.2026 07:30", None, "2026-11-29T07:30:00+00:00"),
        ("04/03/2026 10:00", True, "2026-03-04T10:00:00+00:00"),
        ("04/03/2026 10:00", False, "2026-04-03T10:00:00+00:00"),
        ("Sun, 29 Nov 2026 07:30:11 GMT", None, "2026-11-29T07:30:11+00:00"),
        ("Nov 29, 2026 7:30 PM +0100", None, "2026-11-29T19:30:00+01:00"),
        ("2026-11-29 09:00:00 UTC+1", None, "2026-11-29T09:00:00+01:00"),
        ("Nov 29, 2026, 9:00:00 AM GMT-05:00", None, "2026-11-29T09:00:00-05:00"),
        ("29-Nov-2026 09:00:00", None, "2026-11-29T09:00:00+00:00"),
        ("0001-01-01T00:00:00Z", None, None),
        ("0001-01-01T00:00:00+14:00", None, None),
        ("1/1/0001 12:00:00 AM", None, None),
        ("Never", None, None),
        ("N/A", None, None),
        (1_795_937_411, None, "2026-11-29T07:30:11+00:00"),
        (1_795_937_411_000, None, "2026-11-29T07:30:11+00:00"),
    ],
)  # fmt: skip
def test_times_as_exports_have_them(text: object, dates: bool | None, expected: str | None) -> None:  # noqa: FBT001
    """In the zone that is given, if they have none."""
    meanings = cells.Meanings(zone=time_zone_named("UTC"), day_first=dates)
    assert cells.seen(text, meanings, column="Last check-in") == expected


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "10:30",
        "Nov 2026",
        "29 November",
        "2026-13-01",
        "7:30 PST 2026-11-29",
        "2026-11-29 7:30 EST-5",
        "11/29/2026 7:30 AM PST+8",
        "2026-11-29 07:30:00Z+01:00",
    ],
)
def test_what_is_no_time_is_rejected(text: str) -> None:
    """A part that is missing is not made up, and the name of a zone may be that of several."""
    with pytest.raises(MalformedDevice, match="which is not a time"):
        cells.seen(text, cells.Meanings(zone=time_zone_named("UTC")), column="c")


@pytest.mark.parametrize("name", EXPORTS)
def test_each_export_is_recognized_by_its_own_columns(name: str) -> None:
    """But for those that share all their names with another one."""
    export = EXPORTS[name]
    columns = [
        places[0] for places in (export.common_name, export.last_seen, export.os, export.compliant) if places
    ]
    assert recognized(columns) in (name, None)
    assert recognized(EXPORTS["intune"].common_name[:1] + EXPORTS["intune"].compliant[:1]) == "intune"


@pytest.mark.parametrize(
    ("content", "name", "command"),
    [
        (INTUNE, "i.csv", "--from intune --time-zone UTC"),
        (JAMF, "j.csv", "--from jamf --time-zone America/Chicago"),
        (FLEET, "f.csv", "--from fleet"),
        (json.dumps(GRAPH), "g.json", "--from intune"),
        (OWN, "o.csv", ""),
        ("commonName,Last Contact\na-1,2026-11-29T07:30:11Z\n", "x.csv",
         "--column commonName=commonName --column compliant=... '--column' 'lastSeen=Last Contact' --column os=..."),
        ("Host,Last Contact,os_version\na,2026-11-29T07:30:11Z,15.1\n", "x.csv",
         "--column commonName=... --column compliant=... '--column' 'lastSeen=Last Contact' --column os=os_version"),
    ],
)  # fmt: skip
def test_a_template_is_a_command(tmp_path: Path, content: str, name: str, command: str) -> None:
    """It runs as it is printed, where everything was recognized."""
    path = file(tmp_path, content, name)
    result = CliRunner().invoke(main, ["devices", "template", str(path)])
    assert result.exit_code == 0, result.stderr
    *comments, last = result.stdout.splitlines()
    assert all(line.startswith("# ") for line in comments)
    assert last.replace(
        "'", ""
    ) == f"client-connect devices import {path} --dry-run {command}".strip().replace("'", "")
    if "..." not in command:
        assert imported(path, *command.split())[2] == 0


@pytest.mark.parametrize(("content", "name"), [("", "e.csv"), ("[]", "e.json"), ('{"value": []}', "e.json")])
def test_a_template_of_nothing_is_refused(tmp_path: Path, content: str, name: str) -> None:
    """It would propose a command that cannot work."""
    result = CliRunner().invoke(main, ["devices", "template", str(file(tmp_path, content, name))])
    assert result.exit_code == 2
    assert "has neither a header nor a device" in result.stderr
