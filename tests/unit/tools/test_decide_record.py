"""`client-connect decide --record`: a logged connection is decided again, with all that was known then."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from tests.support.connection_logs import connection
from tests.support.events import event
from tests.support.log_forms import FORMS

if TYPE_CHECKING:
    from typer.testing import Result

ALL = "(principal, action, resource)"
PERMIT = f'@id("all") permit {ALL};\n'
LATE = f"""
@id("late") @message("Tomorrow.") forbid {ALL} when {{ context.time.minuteOfDay >= 1320 }};
@id("compliance") @message("Ask.") forbid {ALL}
when {{ context has device && context.device has compliant && !context.device.compliant }};
"""
EVERYTHING = f"""
@id("all") permit {ALL} when {{ context has endpointName && context.endpointName == "berlin" &&
  context.waivers.contains("old") && context has custom && context.custom has risk && context.custom.risk == 7 &&
  context has activeConnections && context.activeConnections == 3 && context.time.minuteOfDay == 1350 &&
  context has device && context.device has compliant && context.device.compliant }};
@id("old") forbid {ALL} unless {{ context.waivers.contains("old") }};
"""
DOCS = (Path(__file__).parents[3] / "docs" / "decide.md").read_text("utf-8")
BELL = "\x1b]0;x\x07"
RTL = "\u202e"


def run(*arguments: str | Path, stdin: str = "") -> Result:
    """Run the command."""
    environment = {"COLUMNS": "80", "FORCE_COLOR": None, "NO_COLOR": None}
    return CliRunner().invoke(
        main, ["decide", *map(str, arguments)], input=stdin, env=environment, catch_exceptions=False
    )


def decided(*arguments: str | Path) -> dict[str, Any]:
    """Run the command, and return the JSON that it prints."""
    result = run(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def failure(*arguments: str | Path, stdin: str = "") -> str:
    """Run the command, and return the one line of its refusal."""
    result = run(*arguments, stdin=stdin)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    return result.stderr


def record(**changes: Any) -> dict[str, Any]:
    """Return the record of a denial on a Monday evening, in Berlin, of a device that the inventory knows."""
    facts = {"timeZone": "Europe/Berlin", "inventory": "known", "device": {"compliant": False}, "waivers": []}
    decision = {"allowed": False, "determining": ["late"], "errors": [], "message": "Tomorrow."}
    request = event(username="bob", groups=["staff"], common_name="laptop")
    at = "2026-11-23T21:30:00+00:00"
    return {"at": at, "allow": False, "request": request, "facts": facts, "decision": decision} | changes


def named(connection_id: str, **changes: Any) -> dict[str, Any]:
    """Return a record of a connection."""
    return record(request=event(username="bob", connection_id=connection_id, common_name="laptop")) | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with its own policies."""
    (tmp_path / "policies").mkdir()
    return tmp_path


def policies(folder: Path, text: str, *, custom: str = "") -> Path:
    """Write policies, with a permit of everyone unless there is one."""
    (folder / "policies" / "p.cedar").write_text(text if "permit" in text else PERMIT + text, "utf-8")
    if custom:
        (folder / "policies" / "custom.cedarschema").write_text(custom, "utf-8")
    return folder / "policies"


def written(folder: Path, *records: dict[str, Any]) -> Path:
    """Write records, a line each."""
    file = folder / "record.json"
    file.write_text("".join(f"{json.dumps(each)}\n" for each in records), "utf-8")
    return file


def test_a_record_is_decided_in_every_form_in_which_logs_are_kept(folder: Path) -> None:
    """At its own time, in its own zone and with the device of that time."""
    given, one = policies(folder, LATE), record()
    for name, form in FORMS.items():
        if name == "Insights, a column each":
            continue  # it shows no list that is empty
        file = folder / "log"
        file.write_text(form([one], [json.dumps(one)]), "utf-8", newline="")
        document = decided(given, "--record", file)
        assert (name, document["at"]) == (name, "2026-11-23T21:30:00+00:00")
        assert document["facts"]["timeZone"] == "Europe/Berlin"
        assert document["decision"]["determining"] == ["compliance", "late"]
        assert (document["record"]["same"], document["record"]["difference"][0]["policy"]) == (
            True,
            "compliance",
        )


def test_all_that_a_record_says_is_used(folder: Path) -> None:
    """The waivers, facts of one's own, the endpoint's name and the open connections too."""
    facts = {
        "timeZone": "Europe/Berlin",
        "inventory": "known",
        "device": {"compliant": True},
        "waivers": ["old"],
        "activeConnections": 3,
        "customFacts": "available",
        "custom": {"risk": 7},
        "endpointName": "berlin",
    }
    given = policies(folder, EVERYTHING, custom="{ risk?: Long }")
    document = decided(given, "--record", written(folder, record(facts=facts)))
    assert document["allow"] is True
    for name, other in {"waivers": [], "activeConnections": 4, "endpointName": "rome"}.items():
        changed = record(facts=facts | {name: other})
        assert decided(given, "--record", written(folder, changed))["allow"] is False


def test_a_record_is_read_from_standard_input(folder: Path) -> None:
    """As from a pipe that filters a log."""
    result = run(policies(folder, LATE), "--record", "-", stdin=json.dumps(record(), indent=2))
    assert result.stdout.splitlines()[:3] == [
        'record: denied on Monday 2026-11-23 22:30:00+01:00 by late: "Tomorrow."',
        "now: the same answer, decided by other policies",
        "  compliance: denies now, and did not decide then",
    ]


@pytest.mark.parametrize(
    ("decision", "text", "told"),
    [
        (
            {"allowed": True, "determining": ["all"]},
            LATE,
            [
                "record: allowed on Monday 2026-11-23 22:30:00+01:00 by all",
                "now: denied, which is different; compliance, late made the difference",
                "  compliance: denies now, and did not decide then",
                "  late: denies now, and did not decide then",
            ],
        ),
        (
            {"allowed": False, "determining": ["gone"]},
            PERMIT,
            [
                "record: denied on Monday 2026-11-23 22:30:00+01:00 by gone",
                "now: allowed, which is different; gone made the difference",
                "  gone: decided then, and is not among the policies given",
            ],
        ),
        (
            {"allowed": False, "determining": ["late"]},
            f'@id("late") forbid {ALL} when {{ context.time.minuteOfDay >= 1380 }};',
            [
                "record: denied on Monday 2026-11-23 22:30:00+01:00 by late",
                "now: allowed, which is different; late made the difference",
                (
                    "  late: decided then, does not apply now: `context.time.minuteOfDay >= 1380` is false "
                    "(context.time.minuteOfDay is 1350)"
                ),
            ],
        ),
        (
            {"allowed": False, "determining": []},
            PERMIT,
            [
                "record: denied on Monday 2026-11-23 22:30:00+01:00: no permit applied",
                "now: allowed, which is different; all made the difference",
                "  all: permits now, and did not decide then",
            ],
        ),
        (
            {"allowed": False, "determining": [], "errors": ["overflow"]},
            PERMIT,
            [
                "record: denied on Monday 2026-11-23 22:30:00+01:00 because a policy could not be evaluated",
                "now: allowed, which is different; all made the difference",
                "  all: permits now, and did not decide then",
            ],
        ),
        (
            {"allowed": True, "determining": ["all"]},
            PERMIT,
            ["record: allowed on Monday 2026-11-23 22:30:00+01:00 by all", "now: the same answer"],
        ),
    ],
    ids=["newly denied", "policy removed", "policy changed", "no permit", "an error", "the same"],
)
def test_it_says_what_the_record_said_and_what_made_the_difference(
    folder: Path, decision: dict[str, Any], text: str, told: list[str]
) -> None:
    """By policy, for whoever asks why."""
    result = run(policies(folder, text), "--record", written(folder, record(decision=decision)))
    assert result.stdout.splitlines()[: len(told)] == told


def test_a_block_denies_as_it_did(folder: Path) -> None:
    """No policy sees it, and none is to blame."""
    blocked = record(
        facts={"timeZone": "UTC", "blocked": "yes"},
        block={"holder": "bob"},
        decision={"allowed": False, "determining": ["client-connect:blocked"], "message": "Blocked."},
    )
    given, file = policies(folder, PERMIT), written(folder, blocked)
    told = run(given, "--record", file).stdout.splitlines()
    assert told[0] == 'record: denied on Monday 2026-11-23 21:30:00+00:00 because of a block: "Blocked."'
    assert told[1] == "now: the same answer"
    assert "--as-test: a block decided" in failure(given, "--record", file, "--as-test")


def test_who_was_let_in_by_shadow_mode_is_so_again(folder: Path) -> None:
    """The answer is that of the handler; the policies' verdict is next to it."""
    result = run(policies(folder, LATE), "--record", written(folder, record(allow=True)))
    assert ", let in only because of shadow mode" in result.stdout.splitlines()[0]
    assert "only because of shadow mode: the policies deny" in result.stdout


def test_options_replace_what_a_record_has_and_it_says_so(folder: Path) -> None:
    """To see what would have been otherwise: earlier, in another zone, or with a device that is compliant."""
    given, file = policies(folder, LATE), written(folder, record())
    options = ("--record", file, "--device", '{"compliant": true}', "--time-zone", "UTC")
    document = decided(given, *options)
    assert document["allow"] is True
    assert document["record"]["replaced"] == ["--time-zone", "--device"]
    later = (*options, "--at", "2026-11-23T23:00")
    assert decided(given, *later)["decision"]["determining"] == ["late"]


def test_an_older_record_without_facts_is_decided_and_it_says_what_is_not_known(folder: Path) -> None:
    """Its device and zone are not made up in silence."""
    old = record()
    del old["facts"]
    result = run(policies(folder, LATE), "--record", written(folder, old))
    assert 'the record has no "facts"' in result.stdout
    assert "now: allowed, which is different; late made the difference" in result.stdout


def test_it_says_whether_the_policies_are_those_of_the_record(folder: Path) -> None:
    """By the digest that records carry."""
    given = policies(folder, LATE)
    digest = json.loads(CliRunner().invoke(main, ["digest", str(given), "--json"]).stdout)["policies"]
    recorded = decided(given, "--record", written(folder, record(policies=digest)))["record"]
    assert recorded["samePolicies"] is True
    recorded = decided(given, "--record", written(folder, record(policies="0123")))["record"]
    assert recorded["samePolicies"] is False
    assert f"(digest {digest}, then 0123)" in recorded["notes"][0]


def test_one_of_several_records_is_picked_by_its_connection_and_time(folder: Path) -> None:
    """An entry that is in the file twice is one."""
    given = policies(folder, LATE)
    again = named("b", at="2026-11-23T21:45:00+00:00")
    file = written(folder, named("a"), named("b"), again, again)
    assert "has 3 records; pick one with --connection-id: a, b\n" in failure(given, "--record", file)
    assert decided(given, "--record", file, "--connection-id", "a")["request"]["connection-id"] == "a"
    message = failure(given, "--record", file, "--connection-id", "b")
    assert (
        "has 2 records of connection b; pick one with --recorded-at: 2026-11-23T21:30:00+00:00, " in message
    )
    options = ("--connection-id", "b", "--recorded-at", "2026-11-23T21:45")
    assert decided(given, "--record", file, *options)["at"] == "2026-11-23T21:45:00+00:00"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--connection-id", "cvpn-2"), 'has no record for --connection-id "cvpn-2"; did you mean cvpn-1?'),
        (("--connection-id", "x"), 'has no record for --connection-id "x"; it has records of cvpn-1'),
        (("--recorded-at", "2027"), 'has no record for --recorded-at "2027"; it has records of cvpn-1'),
        (("--event", "x"), "--record and --event are both given"),
        (("--username", "bob"), '--record and "username" are both given; leave one of them out'),
        (("--time-zone", "Mars"), "--time-zone: "),
        (("--waiver", "x"), '--waiver is "x", but no policy has this @id'),
    ],
)
def test_fails_for_options_that_do_not_fit_the_record(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    """Status 2, and a line that says what there is."""
    file = written(folder, named("cvpn-1"))
    assert message in failure(policies(folder, LATE), "--record", file, *arguments)


@pytest.mark.parametrize("option", ["--connection-id", "--recorded-at"])
def test_fails_for_an_option_that_picks_a_record_where_there_is_none(folder: Path, option: str) -> None:
    """It would be ignored."""
    message = f"{option} picks a record; name its log with --record, or leave {option} out"
    assert message in failure(policies(folder, LATE), "--username", "bob", option, "x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no decision record; give a line of the handler's log group"),
        ("hello\n", "holds no decision record; give a line of the handler's log group"),
        (json.dumps(event()), "or --event FILE for the event of an invocation"),
        (json.dumps(connection()), "but entries of a connection log, which hold neither groups nor versions"),
        (
            json.dumps({"at": "2026-11-23T21:30:00+00:00", "error": {"type": "x"}, "event": "{}"}),
            (
                "but an error record: the handler decided nothing, and it has no facts; decide its event, which is the "
                'text in "event", with --event FILE'
            ),
        ),
        (
            json.dumps({"at": "x", "connection": "c", "reason": "policies", "told": {}, "decision": {}}),
            "entries of the re-authorizer without a request",
        ),
        (json.dumps(record())[:-30], "holds a record that cannot be read: it is cut off"),
        (json.dumps(record(decision=7)), 'malformed decision record: "decision"'),
        (json.dumps(record(at="yesterday")), 'malformed decision record: "at"'),
        (json.dumps(record(cut=["facts"])), 'decision record whose "facts" was too long for the log'),
        (
            json.dumps(record(request=event(username="", common_name=""))),
            "decision record with an invalid request: ",
        ),
    ],
    ids=[
        *("nothing", "a text", "an event", "a connection log", "an error", "no request", "cut off"),
        *("no decision", "no time", "shortened", "nobody"),
    ],
)
def test_fails_for_what_is_no_record(folder: Path, content: str, message: str) -> None:
    """Nothing is guessed, and the message says what to give instead."""
    assert message in failure(policies(folder, LATE), "--record", "-", stdin=content)


def test_fails_for_a_file_that_is_missing(folder: Path) -> None:
    """Naming it."""
    assert "cannot read the log" in failure(policies(folder, LATE), "--record", folder / "missing")


def test_fails_for_custom_facts_that_the_schema_does_not_declare(folder: Path) -> None:
    """It says that they are the record's."""
    facts = {"timeZone": "UTC", "customFacts": "available", "custom": {"risk": "high"}}
    file = written(folder, record(facts=facts))
    assert "the record has custom facts, but there is no" in failure(policies(folder, LATE), "--record", file)
    given = policies(folder, LATE, custom="{ risk?: Long }")
    assert "the record's custom facts are not what custom.cedarschema declares" in failure(
        given, "--record", file
    )


@pytest.mark.parametrize(
    "given",
    [
        json.dumps(record()),
        json.dumps(record(), indent=2),
        f"{json.dumps(record())}\n{json.dumps(record())}\n",
        json.dumps({"events": [{"message": json.dumps(record())}]}),
        json.dumps(event() | {"facts": {"timeZone": "UTC"}}),
        json.dumps(connection()),
    ],
    ids=["a record", "indented", "several", "an envelope", "with facts beside", "a connection log"],
)
def test_fails_for_a_record_that_is_given_as_an_event(folder: Path, given: str) -> None:
    """All but its request would be dropped without a word."""
    assert "give it as --record -, which decides it with its own time" in failure(
        policies(folder, LATE), "--event", "-", stdin=given
    )


def test_a_key_that_no_event_has_is_ignored_with_a_warning(folder: Path) -> None:
    """AWS may add some; a slip of the pen is reported all the same."""
    result = run(policies(folder, LATE), "--event", "-", stdin=json.dumps(event() | {"group": ["staff"]}))
    assert result.exit_code == 0
    assert result.stderr == 'warning: the event has "group", which is ignored; did you mean "groups"?\n'


def test_nothing_in_a_record_acts_on_the_terminal(folder: Path) -> None:
    """Names and messages come from whoever connects."""
    hostile = record(
        request=event(username=f"bob{BELL}{RTL}", common_name="laptop", groups=[BELL]),
        decision={"allowed": False, "determining": [f"late{BELL}"], "message": f"[red]{RTL}{BELL}"},
        policies=BELL,
    )
    result = run(policies(folder, LATE), "--record", written(folder, hostile))
    assert result.exit_code == 0
    assert not {"\x1b", "\x07", RTL} & set(result.stdout)
    assert "[red]" in result.stdout


def test_the_documented_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page shows what the command prints for its policies, with the changed hour."""
    (text,) = re.findall(r"^```cedar\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
    (shown,) = re.findall(r"^```text\n(record: .*?)^```", DOCS, re.DOTALL | re.MULTILINE)
    (tmp_path / "policies.cedar").write_text(text.replace("< 1140", "< 1320"), "utf-8")
    message = "Contractors may connect from 07:00 to 19:00."
    told = record(
        at="2026-11-23T19:15:00.000+00:00",
        policies="7f0a3c51b2d4",
        request=event(
            username="bob",
            groups=["contractors"],
            common_name="laptop-17",
            platform_version="10.0.17763,amd64",
        ),
        facts={"timeZone": "Europe/Berlin", "waivers": ["minimum-windows"]},
        decision={"allowed": False, "determining": ["contractor-hours"], "message": message, "errors": []},
    )
    monkeypatch.chdir(tmp_path)
    assert run("policies.cedar", "--record", "-", stdin=json.dumps(told)).stdout.startswith(shown)
