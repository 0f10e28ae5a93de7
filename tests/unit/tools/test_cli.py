"""The command `client-connect`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools.bundling import sbom
from client_connect_tools.cli import main
from client_connect_tools.distribution import version

if TYPE_CHECKING:
    from typer.testing import Result

LONG = "x" * 300  # longer than a file's name may be
PERMIT = '@id("all")\npermit (principal, action, resource);\n'


def run(*arguments: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env={"COLUMNS": "80"})


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """Return a directory of sound policies."""
    directory = tmp_path / "policies"
    directory.mkdir()
    (directory / "who.cedar").write_text(PERMIT, "utf-8")
    return directory


def test_help_names_every_command() -> None:
    """Without a command, the help is shown too, as wrong use."""
    shown = run("--help")
    assert shown.exit_code == 0
    assert "bundle" in shown.stdout
    assert run().exit_code == 2
    assert "--output" in run("bundle", "--help").stdout


@pytest.mark.parametrize("group", [[], ["devices"], ["certificates"]])
def test_no_summary_is_cut(group: list[str]) -> None:
    """Not at 80 columns either, where each goes on in the next line."""
    shown = run(*group, "--help").stdout
    assert "..." not in shown.partition("Commands:")[2]
    assert max(map(len, shown.partition("Commands:")[2].splitlines())) <= 80


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands(shell: str) -> None:
    """By the script that the command prints, whatever is escaped in other output."""
    environment = {
        "_CLIENT_CONNECT_COMPLETE": f"source_{shell}",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    program = "from client_connect_tools.cli import main; main(prog_name='client-connect')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "_CLIENT_CONNECT_COMPLETE" in done.stdout
    words = {
        **({"COMP_WORDS": "client-connect mat", "COMP_CWORD": "1"} if shell == "bash" else {}),
        "_TYPER_COMPLETE_ARGS": "client-connect mat",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_CLIENT_CONNECT_COMPLETE": f"complete_{shell}",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **words},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "matrix" in done.stdout, done.stderr


def test_the_version_is_that_of_the_distribution() -> None:
    """As other commands say it."""
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"client-connect {version()}\n")


@pytest.mark.parametrize("arguments", [["-h"], ["check", "-h"], ["devices", "import", "-h"]])
def test_help_is_short_too(arguments: list[str]) -> None:
    """`-h` is `--help`, in every command."""
    asked = run(*arguments)
    assert (asked.exit_code, asked.stdout) == (0, run(*arguments[:-1], "--help").stdout)


def test_it_starts_without_the_cdk() -> None:
    """The command is for everybody who writes policies, and aws_cdk would cost seconds."""
    program = (
        "import sys, client_connect_tools.cli; sys.exit('aws_cdk' in sys.modules or 'jsii' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_bundle_of_a_directory_or_a_file(policies: Path, tmp_path: Path) -> None:
    """The folder holds the function's code, for arm64 and Python 3.14 unless asked otherwise."""
    for source, output, arguments, engine in [
        (policies, tmp_path / "new" / "folder", [], "_internal.cpython-314-aarch64-linux-gnu.so"),
        (
            policies / "who.cedar",
            tmp_path / "out",
            ["--python", "3.13", "--architecture", "x86_64"],
            "_internal.cpython-313-x86_64-linux-gnu.so",
        ),
    ]:
        result = run("bundle", source, "--output", output, *arguments)
        assert (result.exit_code, result.output) == (0, "")
        assert (output / "policies.cedar").read_text("utf-8") == PERMIT
        assert (output / "client_connect" / "handler.py").is_file()
        assert [path.name for path in output.glob("cedarpy/*.so")] == [engine]


def test_fails_for_policies_with_findings(policies: Path, tmp_path: Path) -> None:
    """Exit status 1, every finding on a separate line on stderr, and nothing is built."""
    (policies / "long.cedar").write_text(f"permit (principal, action, resource);\n{PERMIT}{PERMIT}", "utf-8")
    result = run("bundle", policies, "--output", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (1, "")
    name = (policies / "long.cedar").as_posix()
    first, *lines = result.stderr.splitlines()
    assert first == "the policies have 3 problems:"
    assert [line.partition(" [all]")[0] for line in lines[1:]] == [
        f"  {name}:4:1:",
        f"  {policies.as_posix()}/who.cedar:1:1:",
    ]
    assert lines[0].startswith(f'  {name}:1:1: the permit has no @id; add @id("...") before it')
    assert not (tmp_path / "out").exists()


def test_fails_for_policies_that_cannot_be_read(tmp_path: Path) -> None:
    """The message is the library's, not a traceback."""
    result = run("bundle", tmp_path / "missing.cedar", "--output", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith('cannot read the policies "')


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", LONG),
        ("test", LONG),
        ("decide", LONG, "--username", "bob"),
        ("schema", LONG),
        ("replay", LONG, "--policies", "policies"),
        ("replay", "policies/who.cedar", "--policies", LONG),
        ("replay", "policies/who.cedar", "--policies", "policies", "--html", LONG),
        ("bundle", LONG, "--output", "out"),
        ("bundle", "policies", "--output", LONG),
        ("bundle", "policies", "--output", "policies/who.cedar/out"),
        ("bundle", "policies", "--output", "out", "--sbom", LONG),
        ("bundle", "policies", "--output", "out", "--extra-facts", LONG),
    ],
)
@pytest.mark.usefixtures("policies")
def test_fails_for_a_name_that_cannot_be(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit status 2 and a line that names it, and nothing is left."""
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(r'cannot (read|write).*"(x+|policies/who\.cedar/out)": .*\n', result.stderr)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["who.cedar"]


def test_an_interrupted_bundle_leaves_nothing(
    policies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partial bundle could be deployed as if it were whole, and would stand in the way of the next attempt."""
    monkeypatch.setattr(sbom, "bill_of_materials", interrupted)
    arguments = ("bundle", policies, "--output", tmp_path / "out", "--sbom", tmp_path / "sbom.json")
    assert run(*arguments).exit_code == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "policies"]
    assert not list((tmp_path / "out").iterdir())
    monkeypatch.undo()
    assert run(*arguments).exit_code == 0


def interrupted(_: Path) -> str:
    """Do as when a user presses Ctrl-C."""
    raise KeyboardInterrupt


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
def test_fails_for_a_bill_of_materials_that_cannot_be_written(policies: Path, tmp_path: Path) -> None:
    """Status 2, and there is no bundle without it."""
    result = run("bundle", policies, "--output", tmp_path / "out", "--sbom", "/dev/full")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "No space left on device" in result.stderr
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("python", ["3.10", "3.14.1", "2.7", "latest", ""])
def test_fails_for_a_python_that_is_none_of_ours(policies: Path, tmp_path: Path, python: str) -> None:
    """The handler would not run there."""
    result = run("bundle", policies, "--output", tmp_path / "out", "--python", python)
    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        result.stderr
        == f'--python is "{python}"; give that of a Lambda runtime, 3.11 or later, such as 3.14\n'
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /dev/full")
def test_fails_when_the_output_is_full() -> None:
    """Status 2, and no traceback."""
    command = [sys.executable, "-m", "client_connect_tools", "schema"]
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (result.returncode, result.stderr) == (2, "No space left on device\n")


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_fails_for_an_output_that_is_not_empty(policies: Path, tmp_path: Path, kind: str) -> None:
    """Exit status 2, and what is there stays as it is."""
    output = tmp_path / ("a-rather-long-name-" * 8)
    if kind == "folder":
        output.mkdir()
    kept = output / "kept" if kind == "folder" else output
    kept.write_text("mine", "utf-8")
    result = run("bundle", policies, "--output", output)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f'output "{output}" is not an empty folder; name a new one\n'
    assert kept.read_text("utf-8") == "mine"
    assert len(list(tmp_path.rglob("*"))) == (4 if kind == "folder" else 3)


@pytest.mark.parametrize(
    "arguments",
    [[], ["policies"], ["--output", "out"], ["policies", "--output", "out", "--architecture", "sparc"]],
)
def test_fails_for_missing_or_unknown_arguments(arguments: list[str]) -> None:
    """Exit status 2, as for all wrong use."""
    assert run("bundle", *arguments).exit_code == 2


def test_a_failed_bundle_can_be_tried_again(
    policies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit status 1 without network and cache; the same command works when they are back."""
    output = tmp_path / "out"
    with monkeypatch.context() as offline:
        offline.setenv("UV_OFFLINE", "1")
        offline.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
        result = run("bundle", policies, "--output", output)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("could not install cedarpy==")
    assert run("bundle", policies, "--output", output).exit_code == 0
