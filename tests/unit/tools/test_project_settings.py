"""Settings of a project, in client-connect.toml or pyproject.toml."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from client_connect_tools.project.settings import InvalidSettings, Settings, find_settings, read_settings

POLICIES = """
@id("all")
permit (principal, action, resource);

@id("night")
forbid (principal, action, resource)
unless { context.time.minuteOfDay >= 420 };
"""
# Three in the morning in UTC is noon in Tokyo.
TESTS = '[[test]]\nname = "early"\nat = 2026-01-05T03:00:00Z\nexpect = "allow"\n'
GUARDRAILS = '@id("people") permit (principal is ClientVpn::User, action, resource);'
LOG = {
    "connection-log-type": "connection-attempt",
    "connection-attempt-status": "successful",
    "connection-id": "cvpn-connection-0123456789abcdef0",
    "client-vpn-endpoint-id": "cvpn-endpoint-0123456789abcdef0",
    "connection-start-time": "2026-01-05 03:00:00",
    "username": "bob",
    "common-name": "NA",
    "device-type": "win",
    "device-ip": "192.0.2.1",
}
TOKYO = 'time-zone = "Asia/Tokyo"\npolicies = "policies"\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with policies, tests and guardrails."""
    for name, text in {
        "policies/vpn.cedar": POLICIES,
        "policies/vpn.tests.toml": TESTS,
        "guardrails/security.cedar": GUARDRAILS,
        "more/night.tests.toml": '[[test]]\nname = "late"\nat = 2026-01-05T15:00:00Z\nexpect = "deny"\n',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> tuple[int, str, str]:
    """Run a command; return its status, output and errors."""
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def write(text: str, name: str = "client-connect.toml") -> None:
    """Write settings."""
    Path(name).write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("client-connect.toml", TOKYO),
        ("pyproject.toml", f"[tool.other]\nx = 1\n[tool.client-connect]\n{TOKYO}"),
    ],
)
def test_the_tests_run_in_the_zone_of_the_settings(name: str, text: str) -> None:
    """And no path is needed."""
    assert run("test", "policies")[0] == 1
    write(text, name)
    assert run("test")[0] == 0
    assert run("test", "policies")[0] == 0
    assert run("test", "--time-zone", "UTC")[0] == 1
    assert run("--no-settings", "test", "policies")[0] == 1


def test_every_deciding_command_has_the_zone() -> None:
    """Each shows the time of Tokyo."""
    write(TOKYO)
    connection = ("--username", "bob", "--at", "2026-01-05T03:00:00Z", "--json")
    decided = json.loads(run("decide", *connection)[1])
    assert (decided["allow"], decided["facts"]["timeZone"]) == (True, "Asia/Tokyo")
    at_noon = (
        "--never",
        'context.time.minuteOfDay == 720 && context.time.now < datetime("2020-01-01T00:00:00Z")',
    )
    proven = run("prove", *at_noon)[1]
    assert "Asia/Tokyo" in proven


def test_replay_reads_connection_logs_in_the_zone() -> None:
    """They have none; a record's own one stays."""
    Path("log.jsonl").write_text(json.dumps(LOG) + "\n", "utf-8")
    arguments = ("replay", "log.jsonl", "--policies", "policies", "--jobs", "1", "--json")
    assert json.loads(run(*arguments)[1])["totals"]["newlyDenied"] == 1
    write(TOKYO)
    assert json.loads(run(*arguments)[1])["totals"]["newlyDenied"] == 0
    assert json.loads(run("replay", "log.jsonl", "--jobs", "1", "--json")[1])["totals"]["newlyDenied"] == 0


def test_tests_elsewhere_are_tests_of_the_policies_of_the_settings() -> None:
    """And not of other fields."""
    write(f'{TOKYO}tests = ["more"]\n')
    assert "2 tests passed" in run("test")[1]
    assert "2 tests passed" in run("test", "policies")[1]
    assert "1 test passed" in run("test", "policies/vpn.cedar")[1]
    Path("more/night.tests.toml").rename("more/night.test.toml")
    assert "looks like policy tests, but is not read" in run("test")[2]
    Path("more/night.test.toml").unlink()
    assert run("test") == (2, "", 'directory "more" holds no *.tests.toml file; add one\n')


def test_the_guardrails_of_the_settings_bound_everything_but_themselves() -> None:
    """A device without a user is denied by them."""
    write(f'{TOKYO}guardrails = "guardrails"\n')
    device = ("--common-name", "laptop", "--at", "2026-01-05T03:00:00Z")
    assert "denied" in run("decide", *device)[1]
    assert "allowed" in run("--no-settings", "decide", "policies", "--time-zone", "Asia/Tokyo", *device)[1]
    assert run("check", "guardrails")[0] == 0
    Path("open.cedar").write_text('@id("anybody") permit (principal, action, resource);', "utf-8")
    assert "allowed" in run("decide", *device, "--guardrails", "open.cedar")[1]


def test_a_digest_is_that_of_the_policies_within_the_guardrails_of_the_settings() -> None:
    """As the handler has them; help says so, too."""
    alone = run("digest", "policies")
    write(f'{TOKYO}guardrails = "guardrails"\n')
    within = run("digest", "policies")
    assert within == run("--no-settings", "digest", "policies", "--guardrails", "guardrails")
    assert within != alone
    assert run("digest", "guardrails") == run("--no-settings", "digest", "guardrails")


def test_why_tells_what_would_have_allowed_within_the_guardrails_and_in_the_zone_of_the_settings() -> None:
    """A connection log has no zone, and its reader sees the handler's times."""
    Path("log.jsonl").write_text(json.dumps(LOG) + "\n", "utf-8")
    asked = ("why", "log.jsonl", "--username", "bob", "--policies", "policies")
    assert "2026-01-05 03:00" in run(*asked)[1]
    write(f'{TOKYO}guardrails = "guardrails"\n')
    assert "2026-01-05 12:00" in run(*asked)[1]
    Path("guardrails/security.cedar").write_text("permit", "utf-8")
    status, _, errors = run(*asked)
    assert (status, "guardrails/security.cedar" in errors) == (1, True)


def test_audit_reads_connection_logs_in_the_zone_of_the_settings() -> None:
    """They have none; at three in the morning in UTC it is noon in Tokyo."""
    Path("log.jsonl").write_text(json.dumps(LOG) + "\n", "utf-8")
    asked = ("audit", "log.jsonl", "--where", "context.time.minuteOfDay == 720", "--json")
    assert len(json.loads(run(*asked)[1])["found"]) == 0
    write(TOKYO)
    assert len(json.loads(run(*asked)[1])["found"]) == 1
    assert len(json.loads(run(*asked, "--time-zone", "UTC")[1])["found"]) == 0


def test_ignored_lints_are_named() -> None:
    """Whoever reads the output knows what is missing in it."""
    policy = '@id("x") permit (principal, action, resource) when { context.platform == "Windows" };'
    Path("policies/vpn.cedar").write_text(policy, "utf-8")
    found = json.loads(run("check", "policies", "--json")[1])
    rules = sorted({each["rule"] for each in found if each["severity"] == "warning"})
    assert rules
    write(f'policies = "policies"\nignore = {json.dumps(rules)}\n')
    assert run("check", "--json") == (0, "[]\n", f"note: client-connect.toml ignores {', '.join(rules)}\n")
    write('ignore = ["utc-clok"]\n')
    problem = 'there is no lint "utc-clok" that "client-connect.toml" could ignore; write "utc-clock"'
    assert problem in run("check", "policies")[2]


def test_the_nearest_folder_above_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pyproject.toml of other tools is passed; paths are those of the file's folder."""
    write(TOKYO)
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    write("[tool.ruff]\n", "a/pyproject.toml")
    monkeypatch.chdir(inner)
    status, output, errors = run("--verbose", "test")
    assert (status, errors) == (0, "settings: ../../client-connect.toml\n")
    assert "passed ../../policies/vpn.tests.toml:1: early" in output
    write('time-zone = "UTC"\n')
    assert find_settings(Path()).time_zone == "UTC"
    assert run("--settings", "../../client-connect.toml", "test")[0] == 0
    assert run("--settings", "x.toml", "test")[2].startswith(
        'cannot read the settings "x.toml": No such file'
    )
    assert run("--settings", "x.toml", "--no-settings", "test")[0] == 2


def test_there_need_be_none(folder: Path) -> None:
    """The command then needs paths, and says where it looked."""
    assert find_settings(folder) == Settings()
    assert run("--verbose", "test", "policies")[2] == "settings: none\n"
    assert run("test")[2] == (
        'no policies are given; name files or directories, or write policies = ["policies"] into client-connect.toml, '
        "which was looked for from this folder upwards\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('timezone = "UTC"', '"timezone" is not known; write "time-zone"'),
        (
            'time-zone = "Berlin"',
            '"time-zone" is wrong: time zone "Berlin" is not known; write "Europe/Berlin"',
        ),
        ("time-zone = 2", '"time-zone" is 2, a number; give a text'),
        ('policies = ["polices"]', '"policies" names "polices", which is not in "'),
        ('policies = ["polices"]', 'write "policies"'),
        ('policies = "app:rules"', "can be named on the command line only"),
        ("policies = [1]", '"policies" has 1, a number; every entry must be a text'),
        ('policies = ""', '"policies" has an empty path'),
        ('guardrails = ["guardrails"]', '"guardrails" is ["guardrails"], a list; give a text'),
        ('groups = "groups.txt"', '"groups" names "groups.txt", which is not in'),
        ('tests = "a\\u0000b"', '"tests" names'),
        ('[tool.client-connect]\ntime-zone = "UTC"', "in this file, write the keys without a table"),
        ("time-zone = ", "cannot read the settings"),
        ("x = " + "[" * 5000, "cannot read the settings"),
        ("x = 1" + "0" * 4000, "hundreds of digits"),
    ],
)
def test_fails_for_wrong_settings(text: str, message: str) -> None:
    """The message names the file, and what to write."""
    write(text)
    status, output, errors = run("test", "policies")
    assert (status, output) == (2, "")
    assert "client-connect.toml" in errors
    assert message in errors


def test_fails_for_two_settings_in_one_folder(folder: Path) -> None:
    """Neither is more right than the other."""
    write(TOKYO)
    write("[tool.client-connect]\n", "pyproject.toml")
    with pytest.raises(InvalidSettings, match="are both settings; keep one of them"):
        find_settings(folder)
    write("[tool]\nclient-connect = 1\n", "pyproject.toml")
    with pytest.raises(InvalidSettings, match="is no table"):
        find_settings(folder)
    write("[tool", "pyproject.toml")
    with pytest.raises(InvalidSettings, match="cannot read the settings"):
        find_settings(folder)


@pytest.mark.parametrize("name", ["client-connect.toml", "pyproject.toml"])
@pytest.mark.parametrize("kind", ["dangling link", "folder"])
def test_settings_that_are_no_file_are_not_passed_over(name: str, kind: str, folder: Path) -> None:
    """Neither for none, nor for those of a folder above: their guardrails would be missing without a word."""
    write(TOKYO)
    below = folder / "below"
    below.mkdir()
    (below / name).mkdir() if kind == "folder" else (below / name).symlink_to("nothing.toml")
    with pytest.raises(InvalidSettings, match=rf'cannot read the settings ".*{name}"'):
        find_settings(below)


def test_a_path_above_a_link_is_above_what_it_leads_to(folder: Path) -> None:
    """The folder next to the link has other policies, of the same name."""
    real = folder / "other" / "project"
    (real.parent / "policies").mkdir(parents=True)
    (real.parent / "policies" / "own.cedar").write_text(POLICIES, "utf-8")
    real.mkdir()
    (real / "client-connect.toml").write_text('policies = "../policies"\n', "utf-8")
    Path("link").symlink_to(real)
    (found,) = read_settings(Path("link/client-connect.toml")).policies
    assert found == Path("other/policies")


def test_wrong_settings_stop_no_command_that_needs_none() -> None:
    """Such as the one that explains an error."""
    write("wrong")
    assert run("explain", "syntax")[0] == 0
    assert run("--no-settings", "test", "policies", "--time-zone", "Asia/Tokyo")[0] == 0
