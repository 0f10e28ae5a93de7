"""No foreign text acts on the terminal or the pipeline that a command runs in."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text
from typer.testing import CliRunner

from client_connect_tools import Finding, InvalidExtraFacts, InvalidPolicies, InvalidPolicyTests, Policies
from client_connect_tools.bundling.extra_facts import ExtraFacts
from client_connect_tools.cli import main
from client_connect_tools.output.safe_console import SafeConsole
from client_connect_tools.output.safe_output import SafeStream, safe_streams, safe_text
from client_connect_tools.replay import UnreadableLog
from tests.support.connection_logs import connection, lines, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result

HOSTILE = {
    "workflow command": "\n::error title=x::injected",
    "workflow command at the start": "::stop-commands::x",
    "old workflow command": "##[error]injected",
    "Azure Pipelines": "##vso[task.setvariable variable=x]y",
    "clears the line": "\x1b[2K\r",
    "sets the title": "\x1b]0;title\x07",
    "link": "\x1b]8;;https://example.com\x1b\\click\x1b]8;;\x1b\\",
    "C1": "\x9b2J",
    "turns the text": "\u202egpj.exe\u2066",
    "hides": "a\u200bb\u00adc\ufeff",
    "tags": "\U000e0041",
    "separators": "\u2028\u2029\x0b\x0c\x85",
    "delete": "a\x7f",
    "GitLab": "section_start:0:x\r\x1b[0K",
}
_FOR_FILES = {
    "at the start": HOSTILE["workflow command at the start"],
    "within a line": "x" + "".join(HOSTILE.values()).replace("/", "_"),
}
_COMMANDS = re.compile(r"^\s*::|##[a-z]*\[", re.MULTILINE)


def assert_safe(output: str) -> None:
    """Fail when something in an output could act."""
    assert not [character for character in output if not (character.isprintable() or character in "\n\t")]
    assert not _COMMANDS.search(output)


def run(*arguments: str | Path) -> Result:
    """Run the command on a terminal of 80 columns."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env={"COLUMNS": "80"})


texts = st.lists(
    st.sampled_from([":", "::", "#", "##", "[", "vso", "error", "\n", " ", "\x1b", "x"]) | st.text()
)


@given(texts)
def test_what_is_written_in_pieces_is_as_safe_as_a_whole(parts: list[str]) -> None:
    """A command may be completed by a later piece, and the pieces together are what one text would be."""
    pieces, whole = io.StringIO(), io.StringIO()
    SafeStream(pieces).writelines(parts)
    SafeStream(whole).write("".join(parts))
    assert_safe(pieces.getvalue())
    assert pieces.getvalue() == whole.getvalue() == safe_text("".join(parts))


@given(
    st.recursive(
        st.text() | st.sampled_from([*HOSTILE.values()]), lambda inner: st.dictionaries(st.text(), inner)
    )
)
def test_json_stays_what_it_is(value: object) -> None:
    """Whatever its texts are."""
    written = io.StringIO()
    stream = SafeStream(written)
    print(json.dumps(value), file=cast("TextIO", stream))
    print(json.dumps(value, indent=2), file=cast("TextIO", stream))
    assert_safe(written.getvalue())
    line, _, indented = written.getvalue().partition("\n")
    assert json.loads(line) == json.loads(indented) == value


def test_harmless_text_is_not_changed() -> None:
    """Paths, times and addresses within a line, letters of any script, and tabs."""
    text = "policies/a.cedar:1:2: 12:00:00 2001:db8::1 ## [x] #[\tZürich 東京\n\n  : x\n"
    assert safe_text(text) == text


def test_a_long_line_is_remembered_briefly() -> None:
    """Its end may still begin a command."""
    written = io.StringIO()
    stream = SafeStream(written)
    for _ in range(1000):
        stream.write("x ##")
    stream.write("[error]")
    stream.write("\n" + " " * 1000)
    stream.write("::error::x")
    assert_safe(written.getvalue())
    assert written.getvalue().count("\\u00") == 2


def test_a_terminal_is_styled_all_the_same() -> None:
    """Rich's own control characters stay, those in a text are escaped, and line ends are line ends."""
    file = io.StringIO()
    stream = cast("TextIO", SafeStream(file))
    console = SafeConsole(file=stream.rich_proxied_file, force_terminal=True, color_system="standard")  # type: ignore[attr-defined]
    console.print(Text.assemble(("bad\x1b[2J", "red"), "\n::error::x"))
    assert file.getvalue() == "\x1b[31mbad\\x1b[2J\x1b[0m\n:\\u003aerror::x\n"


def test_a_console_of_rich_itself_cannot_write_past_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would escape nothing, but makes no command either."""
    file = io.StringIO()
    monkeypatch.setattr("sys.stdout", file)
    with safe_streams():
        assert not hasattr(sys.stdout, "buffer")
        Console(force_terminal=True).print("::error::x")
    assert sys.stdout is file
    assert file.getvalue().lstrip().startswith(":\\u003a")


@pytest.fixture(params=_FOR_FILES)
def hostile(request: pytest.FixtureRequest) -> str:
    """Return a text that acts, but for a slash, which no file's name can have."""
    return _FOR_FILES[request.param]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, with sound policies in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "all.cedar").write_text(
        '@id("all") permit (principal, action, resource);', "utf-8"
    )
    return tmp_path


def commands(hostile: str) -> Iterator[tuple[str | Path, ...]]:
    """Yield commands that have something to say of a text: as a file, in a policy, a test, a log, a device."""
    policies = Path("policies")
    yield ("check", policies / hostile)
    yield ("check", f"--{hostile}")
    yield (hostile,)
    yield ("check", policies, "--ignore", hostile)
    yield ("bundle", policies, "--output", "out", "--python", hostile)
    yield ("bundle", policies, "--output", "out", "--extra-facts", hostile)
    yield ("decide", policies, "--username", hostile)
    yield ("decide", policies, "--username", "bob", "--groups", hostile, "--json")
    yield ("decide", policies, "--username", "bob", "--at", hostile)
    yield ("decide", policies, "--username", "bob", "--platform", hostile, "--platform-version", hostile)
    yield ("decide", policies, "--username", "bob", "--time-zone", hostile)
    yield ("decide", policies, "--username", "bob", "--event", hostile)
    yield ("decide", policies, "--username", "bob", "--waiver", hostile)
    yield ("test", policies, "--time-zone", hostile)
    yield ("replay", hostile, "--policies", policies)
    yield ("devices", "import", hostile, "--dry-run")
    yield (
        "devices",
        "waive",
        "--policy",
        "x",
        "--reason",
        "x",
        "--approved-by",
        "x",
        "--user",
        "x",
        "--for",
        hostile,
    )
    file = policies / f"{hostile}.cedar"
    literal = json.dumps(hostile)
    file.write_text(f"@id({literal}) forbid (principal, action, resource) when {{ x }};", "utf-8")
    for output in ((), ("--json",)):
        yield ("check", policies, *output)
    yield ("decide", policies, "--username", "bob")
    yield ("replay", "log.jsonl", "--policies", policies)
    escaped = "".join(f"\\u{{{ord(character):x}}}" for character in hostile)
    file.write_text(
        f'@id("{escaped}") @message("{escaped}") forbid (principal, action, resource)\n'
        f'when {{ context.platform == "{escaped}" || principal in ClientVpn::Group::"{escaped}" }};',
        "utf-8",
    )
    toml = f'[[test]]\nname = "x"\nexpect = "allow"\nby = [{literal}]\nrequest = {{ username = {literal} }}\n'
    (policies / f"{hostile}.tests.toml").write_text(toml, "utf-8")
    Path("log.jsonl").write_bytes(
        lines(
            record(username=hostile, groups=[hostile], platform=hostile),
            connection(username=hostile, common_name=hostile),
            {"connection-log-type": hostile},
            hostile,
        )
    )
    for output in ((), ("--json",)):
        yield ("check", policies, *output)
        yield ("test", policies, *output)
        yield ("decide", policies, "--username", "bob", "--groups", hostile, *output)
        yield ("replay", "log.jsonl", "--policies", policies, *output)
        yield ("replay", "log.jsonl", "--policies", policies, "--against", policies / "all.cedar", *output)
    toml = f"[[test]]\nname = {literal}\nexpect = {literal}\n{literal} = 1\n"
    (policies / f"{hostile}.tests.toml").write_text(toml, "utf-8")
    yield ("test", policies)
    devices = Path(f"{hostile}.jsonl")
    devices.write_text(json.dumps({"commonName": hostile, hostile: 1}) + f"\n{hostile}\n", "utf-8")
    yield ("devices", "import", devices, "--dry-run")
    yield ("devices", "import", devices, "--dry-run", "--json")


@pytest.mark.usefixtures("folder")
def test_no_command_prints_what_acts(hostile: str) -> None:
    """Neither as text nor as JSON, which stays JSON; neither in results nor in errors."""
    for command in commands(hostile):
        result = run(*command)
        assert_safe(result.output)
        assert result.exit_code in (0, 1, 2), result.output
        assert not result.exception or isinstance(result.exception, SystemExit)
        if "--json" in command and result.exit_code < 2:
            json.loads(result.stdout)


@pytest.mark.usefixtures("folder")
def test_the_page_of_a_replay_shows_what_it_does_not_do(hostile: str) -> None:
    """As on a terminal; what is HTML is escaped too."""
    Path("log.jsonl").write_bytes(lines(record(username=f"<b>{hostile}", platform=hostile)))
    forbid = '@id("no") forbid (principal, action, resource);'
    Path("policies/none.cedar").write_text(forbid, "utf-8")
    name = Path(f"{hostile}.jsonl")
    Path("log.jsonl").rename(name)
    run("replay", name, "--policies", "policies", "--html", "page.html")
    page = Path("page.html").read_text("utf-8")
    assert "<b>" not in page.replace("<b>1</b>", "").replace("<b>0</b>", "")
    assert not [character for character in page if not (character.isprintable() or character == "\n")]


def test_what_nobody_expected_is_printed_safely(tmp_path: Path) -> None:
    """The traceback of our own mistake has the text of an exception, which may be foreign."""
    program = (
        "import sys, client_connect_tools.checking.checks as checks\n"
        "from client_connect_tools.cli import main\n"
        "def check(_): raise KeyError('\\x1b[2J') from RuntimeError('\\n::error::x \\x1b[2J')\n"
        "checks.check = check\n"
        "main(sys.argv[1:])\n"
    )
    (tmp_path / "all.cedar").write_text('@id("all") permit (principal, action, resource);', "utf-8")
    command = [sys.executable, "-c", program, "check", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "KeyError" in done.stderr
    assert_safe(done.stderr)


def test_the_errors_of_the_library_are_safe_where_others_print_them(hostile: str) -> None:
    """The CDK shows them at synthesis: a finding is one line, whatever its file is called."""
    finding = Finding(file=hostile, line=1, column=1, policy=hostile, rule="x", message=hostile)
    assert len(str(finding).splitlines()) == 1
    assert_safe(str(finding))  # may be a warning of the CDK
    for error in (
        InvalidPolicies(hostile, [finding]),
        InvalidPolicyTests([hostile]),
        InvalidExtraFacts(hostile),
        UnreadableLog(hostile),
    ):
        assert_safe(str(error))
    assert len(str(InvalidPolicies(hostile, [finding])).splitlines()) == 2


@pytest.mark.usefixtures("folder")
def test_a_note_of_the_cdk_is_safe(hostile: str) -> None:
    """Other policies lie next to the one file of a set, whatever they are called."""
    Path("policies", f"{hostile}.cedar").write_text("", "utf-8")
    assert_safe(Policies.from_file("policies/all.cedar").left_out_note())


def test_python_prints_no_cause_with_an_error(tmp_path: Path, hostile: str) -> None:
    """The error itself is safe; a syntax error below it would bring the line of the source as it is."""
    source = tmp_path / "risk.py"
    source.write_text(f"def facts(request):\n    return = {hostile.strip()!a}\n# {hostile}", "utf-8")
    with pytest.raises(InvalidExtraFacts, match="this is not Python") as raised:
        ExtraFacts.from_file(source)
    assert_safe("".join(traceback.format_exception(raised.value)[-1:]))
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_no_error_of_the_library_has_a_cause() -> None:
    """Wherever one is raised for another: its message has what the other says."""
    root = Path(__file__).parents[3] / "lib"
    trees = {str(path): ast.parse(path.read_text("utf-8")) for path in root.rglob("*.py")}
    nodes = [(name, node) for name, tree in trees.items() for node in ast.walk(tree)]
    classes = [node for _, node in nodes if isinstance(node, ast.ClassDef)]
    ours = {"ClientConnectError"}
    while more := {each.name for each in classes if ours & set(map(ast.unparse, each.bases))} - ours:
        ours |= more
    chained = [
        f"{name}:{node.lineno}"
        for name, node in nodes
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and ast.unparse(node.exc.func).rpartition(".")[2] in ours
        and node.cause is not None
        and ast.unparse(node.cause) != "None"
    ]
    assert chained == []
    assert {"InvalidPolicies", "InvalidCode", "UnreadableLog"} <= ours


def test_nothing_prints_past_the_one_place() -> None:
    """No console but ours, and no bytes: they would not be escaped."""
    root = Path(__file__).parents[3] / "lib" / "client_connect_tools"
    used = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
            if isinstance(node, ast.ImportFrom) and node.module == "rich.console" and "Console" in names:
                used.add(path.name)
            if isinstance(node, ast.Attribute) and node.attr in ("__stdout__", "__stderr__"):
                used.add(path.name)
            if ast.unparse(node) in ("sys.stdout.buffer", "sys.stderr.buffer"):
                used.add(path.name)
    assert used == {"safe_console.py", "safe_output.py", "text.py"}  # the latter two for their types only


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_colors_on_a_terminal(folder: Path) -> None:
    """A terminal gets its styles, and what is in a name is shown."""
    import pty  # noqa: PLC0415 - not on Windows

    master, slave = pty.openpty()
    command = [
        *(sys.executable, "-m", "client_connect_tools", "decide", str(folder / "policies")),
        *("--username", "b\x1b[8mob"),
    ]
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    subprocess.run(command, stdout=slave, env=environment, check=True)
    os.close(slave)
    shown = os.read(master, 65536).decode()
    os.close(master)
    assert shown.startswith("\x1b[1;32mallowed")
    assert "b\\x1b[8mob" in shown
