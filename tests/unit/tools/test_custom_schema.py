"""The type of custom facts: where it comes from, what it may be, and who knows it."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect import ConnectionRequest, Facts
from client_connect.engine.schema import schema_text
from client_connect_tools import InvalidPolicies, Policies, check, explain, lint
from client_connect_tools.cli import main
from client_connect_tools.replay import Comparison, replay
from tests.support.connection_logs import lines, record, request

if TYPE_CHECKING:
    from client_connect_tools import Finding

PERMIT = '@id("all") permit (principal, action, resource);\n'
SCHEMA = "{ riskScore: Long, vip?: Bool }"
RISKY = (
    '@id("risky") @message("Risky.") forbid (principal, action, resource)\n'
    "when { context has custom && context.custom.riskScore > 70 };\n"
)
OUTAGE = (
    '@id("outage") @message("Try again.") forbid (principal, action, resource)\n'
    'when { context.customFacts == "unavailable" };\n'
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, with policies and what they read."""
    monkeypatch.chdir(tmp_path)
    Path("vpn.cedar").write_text(PERMIT + RISKY + OUTAGE, "utf-8")
    Path("custom.cedarschema").write_text(SCHEMA, "utf-8")
    return tmp_path


def run(command: str) -> tuple[int, str, str]:
    """Run a command; return its status, output and errors."""
    result = CliRunner().invoke(main, shlex.split(command), catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def finding(custom: str) -> Finding:
    """Return the only thing that is wrong with policies of this type of custom facts."""
    (finding,) = check(Policies.from_string(PERMIT + RISKY, custom=custom))
    assert (finding.rule, finding.file, finding.policy, finding.severity) == (
        *("custom-schema", "<custom>", "", "error"),
    )
    return finding


@pytest.mark.usefixtures("folder")
def test_it_lies_beside_the_policies() -> None:
    """Of a folder and of each of its files, whoever saved it; findings name it as they name the policies."""
    made = [Policies.from_directory("."), Policies.from_file("vpn.cedar")]
    made.append(Policies.from_string(PERMIT + RISKY + OUTAGE, custom=f"\ufeff{SCHEMA}\r\n\r\n"))
    assert [policies.custom for policies in made] == [f"{SCHEMA}\n"] * 3
    assert [policies.custom_schema and policies.custom_schema.name for policies in made] == [
        *("custom.cedarschema", "custom.cedarschema", "<custom>"),
    ]
    assert [check(policies) + lint(policies) for policies in made] == [[]] * 3
    assert len({policies.text for policies in made}) == 1


def test_without_it_there_is_none() -> None:
    """Then the facts have no attributes, and a policy that reads one is refused."""
    policies = Policies.from_string(PERMIT + RISKY)
    assert policies.custom is None
    (only,) = check(policies)
    assert (only.rule, only.policy) == ("type", "risky")
    assert "riskScore" in only.message


def test_merged_policies_share_one() -> None:
    """Policies without one take that of the others; the same one twice is one."""
    one = Policies.from_string(RISKY, custom=SCHEMA)
    same = Policies.from_string(PERMIT, custom=f"\n{SCHEMA}\n")
    for parts in ((one, same), (one, Policies.from_string(PERMIT)), (Policies.from_string(PERMIT), one)):
        merged = Policies.merge(*parts)
        assert merged.custom == f"{SCHEMA}\n"
        assert check(merged) == []


def test_fails_to_merge_two_that_differ(tmp_path: Path) -> None:
    """A policy of one of them would read what the module of the other does not say."""
    for name, schema in (("a", "{ a: Long }"), ("b", "{ b: Long }")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "vpn.cedar").write_text(PERMIT, "utf-8")
        (tmp_path / name / "custom.cedarschema").write_text(schema, "utf-8")
    with pytest.raises(
        InvalidPolicies, match=r'/a/custom.cedarschema" and ".*/b/custom.cedarschema" say diff'
    ):
        Policies.merge(*(Policies.from_directory(tmp_path / name) for name in "ab"))


def test_fails_when_it_cannot_be_read(folder: Path) -> None:
    """The message names the file."""
    (folder / "custom.cedarschema").write_bytes(b"{ a: Long } // \xff")
    with pytest.raises(InvalidPolicies, match=r'cannot read the schema "custom.cedarschema": .*utf-8'):
        Policies.from_directory(".")


@pytest.mark.parametrize(
    "custom",
    [
        "{}",
        "{ a: Bool, b?: Long, c: String, d: datetime, e: duration, f: decimal, g: ipaddr, }",
        "{ a: Set<Set<Long>>, b: Set<{ c: Long, d?: { c: Long } }>, c: OsVersion, d: Version }",
        '{ "a b": Long, "}; entity X; type Y = {": Long, "\\"": Long }',
        "// first }; entity X;\n{ // }\n  a: Long, // {\r\n  b: Long }\n// last",
    ],
)
def test_records_of_facts_are_taken(custom: str) -> None:
    """Every type of a fact, nested, named as Cedar names, with comments anywhere."""
    assert check(Policies.from_string(PERMIT, custom=custom)) == []


@pytest.mark.parametrize(
    ("custom", "place", "message"),
    [
        (
            "{}; entity X; type Y = {}",
            (1, 3),
            "; stands behind the record type, which must be alone in the file",
        ),
        ("{}\n// x\n  ; entity X", (3, 3), "; stands behind"),
        ("{} entity X;", (1, 4), "entity stands behind"),
        ("{ a: Long } }; type Y = { b: Long }", (1, 13), "} stands behind"),
        ("{ a: Long > }; entity X;", (1, 13), "} stands behind"),
        ("{ a: Long; }", (1, 10), "; does not belong in a record type"),
        ('{ a: Long, "b: Long }', (1, 12), '" does not belong'),
        ("{ @doc(x) a: Long }", (1, 3), "@ does not belong"),
        ("{ é: Long }", (1, 3), "é does not belong"),
        ("", (1, 1), "the file must hold one Cedar record type, such as { riskScore: Long, vip?: Bool }"),
        ("// nothing", (1, 1), "the file must hold one Cedar record type"),
        ("Long", (1, 1), "the file must hold one Cedar record type"),
        ("namespace ClientVpn {}", (1, 1), "the file must hold one Cedar record type"),
        ("{ a: Text }", (1, 6), "Text is no type for a fact; there are Bool, Long, String, Set, datetime"),
        ("{ a: User }", (1, 6), "User is no type for a fact"),
        ("{\n  a: Set<Device> }", (2, 10), "Device is no type for a fact"),
        ("{ a: ClientVpn::User }", (1, 6), "ClientVpn is no type for a fact"),
        ("{ a: Custom }", (1, 6), "Custom is no type for a fact"),
        ('{ a: Long, "a"?: Bool }', (1, 12), '"a" is declared twice; keep one of them'),
        ("{ a: " * 21, (1, 103), "records and sets nest deeper than 20 levels"),
        ("{ a: " + "Set<" * 100_000, (1, 86), "records and sets nest deeper than 20 levels"),
        (
            "{ a: Long",
            (1, 1),
            "Cedar cannot parse this record type: error parsing schema: unexpected token `;`",
        ),
        ("{ a Long }", (1, 1), "Cedar cannot parse this record type: error parsing schema: unexpected"),
        ("{ if: Long }", (1, 1), "`if` is a reserved identifier"),
    ],
)
def test_fails_for_anything_else(custom: str, place: tuple[int, int], message: str) -> None:
    """It cannot change the schema that it is pasted into; the place is that of the error."""
    found = finding(custom)
    assert message in found.message
    assert (found.line, found.column) == place


def test_lints_know_it() -> None:
    """Policies that are false only without the schema are not reported as such: such a policy may apply."""
    vip = '@id("vip") @message("m") forbid (principal, action, resource) when { context has custom.vip };'
    assert lint(Policies.from_string(f"{PERMIT} {vip} {OUTAGE}", custom=SCHEMA)) == []


def test_a_faulty_one_hides_no_other_errors() -> None:
    """Errors besides the types are still found; of the types, nothing can be said."""
    faulty = Policies.from_string(
        f"{PERMIT}forbid (principal, action, resource); permit (", custom="{ a: X }"
    )
    assert [each.rule for each in check(faulty)] == ["custom-schema", "missing-id", "syntax"]
    assert lint(faulty) == []


def test_check_names_the_line_of_a_faulty_schema(folder: Path) -> None:
    """The command names the file and the line of a faulty one, and knows a sound one."""
    assert run("check .") == (0, "3 policies: nothing found\n", "")
    (folder / "custom.cedarschema").write_text("{\n  riskScore: Number\n}", "utf-8")
    status, output, _ = run("check .")
    assert status == 1
    assert output.startswith("error: custom.cedarschema:2:14: Number is no type for a fact")
    assert output.endswith("(custom-schema)\n3 policies: 1 error\n")


def test_schema_prints_the_custom_facts_too(folder: Path) -> None:
    """The command prints the schema with it, so an editor knows it too."""
    assert run("schema") == (0, schema_text(), "")
    assert run("schema .") == run("schema vpn.cedar") == (0, schema_text(f"{SCHEMA}\n"), "")
    assert f"type Custom = {SCHEMA}" in run("schema .")[1]
    (folder / "custom.cedarschema").write_text("{}; entity X", "utf-8")
    status, output, errors = run("schema .")
    assert (status, output) == (1, "")
    assert errors.startswith("custom.cedarschema:1:3: ; stands behind")


@pytest.mark.usefixtures("folder")
def test_decide_takes_custom_facts_and_their_outage() -> None:
    """By hand, from JSON and from a file; an outage too."""
    Path(".facts.json").write_text('{"riskScore": 71, "vip": true}', "utf-8")
    decided = "decide . --username bob"
    assert "message: Risky." in run(f"{decided} --custom .facts.json")[1]
    assert run(f"{decided} --custom '{{\"riskScore\": 1}}'")[1].startswith("allowed")
    assert "message: Try again." in run(f"{decided} --custom-facts unavailable")[1]
    assert run(decided)[1].startswith("allowed")
    assert "(context.custom.riskScore is 1)" in run(f"{decided} --custom '{{\"riskScore\": 1}}'")[1]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--custom '[]'", 'cannot read "[]"'),
        ("--custom .list.json", '--custom is not a JSON object; give one such as {"riskScore": 80}'),
        ("--custom '{'", "--custom is not JSON"),
        ("--custom '{\"riskScore\": 0.5}'", "--custom has a value that policies do not know: float"),
        ("--custom '{\"riskScore\": null}'", "--custom has a value that policies do not know: NoneType"),
        (
            '--custom \'{"riskScore": "80"}\'',
            "is not what custom.cedarschema declares: a value is of another type",
        ),
        ("--custom '{\"score\": 80}'", "declares: while parsing context, "),
        ("--custom-facts available", '--custom-facts is "available", but there are none; give --custom'),
        (
            "--custom '{}' --custom-facts unavailable",
            '--custom-facts is "unavailable", but --custom is given',
        ),
        ("--custom - --event -", "--event and --custom are both standard input"),
    ],
)
def test_fails_for_custom_facts_that_no_module_could_return(options: str, message: str) -> None:
    """Values that no module could return are wrong use."""
    Path(".list.json").write_text("[]", "utf-8")
    status, output, errors = run(f"decide . --username bob {options}")
    assert (status, output) == (2, "")
    assert message in errors


def test_decide_fails_without_one(folder: Path) -> None:
    """The message says which file is missing."""
    (folder / "custom.cedarschema").unlink()
    (folder / "vpn.cedar").write_text(PERMIT, "utf-8")
    status, _, errors = run("decide . --username bob --custom '{\"riskScore\": 1}'")
    assert (status, errors) == (
        2,
        "--custom is given, but there is no custom.cedarschema next to the policies; write one\n",
    )


def test_conditions_on_custom_facts_are_explained() -> None:
    """Conditions on custom facts are explained like all others."""
    facts = Facts(ConnectionRequest.from_event(request()), custom_facts="available", custom={"riskScore": 9})
    explanation = explain(PERMIT + RISKY, facts, custom=SCHEMA)
    assert explanation.decision.allowed
    reason = explanation.policies[1].reason
    assert reason is not None
    assert str(reason.condition.reads[0]) == "context.custom.riskScore is 9"


_numbers = itertools.count()


def logged(**facts: object) -> dict[str, object]:
    """Return the record of an allowed connection with these facts."""
    return {**record(connection_id=f"cvpn-connection-{next(_numbers)}"), "facts": facts}


def test_replay_decides_recorded_custom_facts_by_the_new_schema(folder: Path) -> None:
    """Records hold the module's facts; the new policies' schema decides which are used."""
    log = lines(
        logged(customFacts="available", custom={"riskScore": 71}),
        logged(customFacts="available", custom={"riskScore": 70}),
        logged(customFacts="unavailable"),
        logged(),
    )
    (folder / ".log.json").write_bytes(log)
    policies = Policies.from_directory(".")
    tally = replay(Comparison(new=policies.text, new_custom=policies.custom), [log])
    assert dict(tally.newly_denied.by_policy.rows).keys() == {"risky", "outage"}
    assert (tally.attempts, tally.allowed, tally.denied, tally.undecidable) == (4, 2, 2, 0)
    assert run("replay .log.json --policies . --json")[0] == 1
    assert '"denied": 2' in run("replay .log.json --policies . --against . --json --allow-change")[1]


def test_replay_of_facts_that_may_be_empty() -> None:
    """That nothing is said is something else than that there are no facts."""
    new = f'{PERMIT} @id("empty") forbid (principal, action, resource) when {{ context has custom && true }};'
    log = lines(*(logged(customFacts="available", custom=custom) for custom in ({}, {"a": 1}, {})), logged())
    tally = replay(Comparison(new=new, new_custom="{ a?: Long }"), [log])
    assert (tally.allowed, tally.denied) == (1, 3)


def test_replay_of_what_was_another_type() -> None:
    """Facts of an older module are missing: where policies need them, nothing is decided."""
    log = lines(
        *(logged(customFacts="available", custom=custom) for custom in ({"score": 1}, {"riskScore": "x"}, {}))
    )
    tally = replay(Comparison(new=PERMIT + RISKY + OUTAGE, new_custom=SCHEMA), [log])
    assert (tally.attempts, tally.undecidable_by_new, tally.changes) == (3, 3, 0)
    assert list(tally.blamed["new"].rows["risky"].notes) == ["custom"]
    other = replay(Comparison(new=PERMIT, new_custom=SCHEMA, old=PERMIT), [log])
    assert (other.allowed, other.undecidable) == (3, 0)


def test_replay_reads_values_as_the_schema_says() -> None:
    """A text may be a time or an address; that is not forgotten when decisions are remembered."""
    new = PERMIT + (
        '@id("old") forbid (principal, action, resource) when { context has custom && '
        'context.custom.seen < datetime("2026-01-01") };'
    )
    seen = ["2025-12-31", "2026-01-01", {"__extn": {"fn": "datetime", "arg": "2025-12-31"}}]
    log = lines(*(logged(customFacts="available", custom={"seen": each}) for each in seen))
    tally = replay(Comparison(new=new, new_custom="{ seen: datetime }"), [log])
    assert (tally.allowed, tally.denied) == (1, 2)


@pytest.mark.parametrize(
    "facts",
    [
        {"customFacts": "available"},
        {"customFacts": "unavailable", "custom": {}},
        {"customFacts": "broken"},
        {"customFacts": "available", "custom": []},
        {"custom": {}},
    ],
)
def test_replay_cannot_read_what_no_handler_writes(facts: dict[str, object]) -> None:
    """Such a record cannot be read, and counts as undecidable."""
    tally = replay(Comparison(new=PERMIT), [lines(logged(**facts))])
    (kind,) = tally.unreadable
    assert kind.startswith("malformed decision record: ")
    assert (tally.undecidable, tally.allowed, tally.denied, dict(tally.skipped)) == (1, 0, 0, {})


@pytest.mark.parametrize(
    ("schema", "placeholder", "problem"),
    [
        ("{ ticket: String }", "{custom.ticket}", None),
        (
            '{ // of the desk\n "the ticket"?: String, score: Long, }',
            "{custom.the ticket} {custom.score}",
            None,
        ),
        (
            "{ inner: { ticket: String }, tickets: Set<String> }",
            "{custom.ticket}",
            "which is no placeholder",
        ),
        ("{ ticket: String }", "{custom.tickets}", 'which is no placeholder; write "{custom.ticket}"'),
        ("{ ticket: String }", "{ticket}", "which is no placeholder"),
        ("{ vip: Bool }", "{custom.vip}", "which is of the type Bool; only a String or Long can be shown"),
        (
            "{ inner: { ticket: String } }",
            "{custom.inner}",
            "which is of the type record; only a String or Long",
        ),
        ("{ inner: { ticket: String } }", "{custom.inner.ticket}", "which is no placeholder"),
        ("{ tickets: Set<String> }", "{custom.tickets}", "which is of the type Set; only a String or Long"),
        ("{ vip: Bool }", "{custom.}", "which is no placeholder"),
    ],
)
def test_a_message_shows_declared_facts(schema: str, placeholder: str, problem: str | None) -> None:
    """At synthesis, so no user is shown a dash or a brace."""
    forbid = f'@id("x") @message("See {placeholder}.") forbid (principal, action, resource);'
    findings = check(Policies.from_string(PERMIT + forbid, custom=schema))
    assert [each.rule for each in findings] == ([] if problem is None else ["unknown-placeholder"])
    assert all(problem in each.message for each in findings if problem)
