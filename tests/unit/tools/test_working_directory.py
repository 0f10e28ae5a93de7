"""No command runs Python files of the working directory or of the folders that it reads.

Policies and logs often lie where other people write files: a checkout of a pull request, a download folder.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.connection_logs import lines, record

# Each writes that it ran, and is no use as the module it is named after.
_TRAP = """open({trace!r}, "a").write(__file__ + "\\n")
raise ImportError(__file__)
"""
_OURS_AND_OTHERS = (
    *(
        "conftest",
        "sitecustomize",
        "usercustomize",
        "typer",
        "rich",
        "click",
        "cedarpy",
        "tzdata",
        "uv",
        "boto3",
    ),
    *("client_connect", "client_connect_tools", "client_connect_pytest"),
)
_PROGRAM = """
import sys
from client_connect_tools.cli import main
from client_connect_tools.replay import run

run._BLOCKS_WITHOUT_HELP = 0  # else a log of a hundred megabytes would be needed
if __name__ == "__main__":
    main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def trapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with policies, tests, a log and devices, and traps named like every module there is."""
    folder = tmp_path_factory.mktemp("trapped")
    trap = _TRAP.format(trace=str(folder / "trace"))
    for place in (folder, folder / "policies"):
        place.mkdir(exist_ok=True)
        for name in (*sys.stdlib_module_names, *_OURS_AND_OTHERS):
            (place / f"{name}.py").write_text(trap, "utf-8")
    policies = folder / "policies"
    (policies / "all.cedar").write_text('@id("all") permit (principal, action, resource);', "utf-8")
    (policies / "all.tests.toml").write_text('[[test]]\nname = "anybody"\nexpect = "allow"\n', "utf-8")
    (folder / "log.jsonl").write_bytes(lines(record(), record(minutes=1)))
    (folder / "devices.csv").write_text("commonName\nlaptop\n", "utf-8")
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "policies"),
        ("test", "policies"),
        ("decide", "policies", "--username", "bob"),
        ("replay", "log.jsonl", "--policies", "policies", "--jobs", "2"),
        ("devices", "import", "devices.csv", "--dry-run"),
        ("bundle", "policies", "--output", "{folder}/bundle"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_nothing_of_the_working_directory_runs(
    trapped: Path, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    """Not even the processes that a command starts import a file of it."""
    program = tmp_path / "client-connect.py"
    program.write_text(_PROGRAM, "utf-8")
    command = [sys.executable, program, *(argument.format(folder=tmp_path) for argument in arguments)]
    done = subprocess.run(command, cwd=trapped, capture_output=True, text=True, check=False)
    assert not (trapped / "trace").exists(), (trapped / "trace").read_text("utf-8")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_interpreter_that_ignores_the_environment_replays_alone(trapped: Path, tmp_path: Path) -> None:
    """``python -E`` passes itself on to its processes, which would then ignore PYTHONSAFEPATH."""
    program = tmp_path / "client-connect.py"
    program.write_text(_PROGRAM, "utf-8")
    arguments = ("replay", "log.jsonl", "--policies", "policies", "--jobs", "2")
    command = [sys.executable, "-E", program, *arguments]
    done = subprocess.run(command, cwd=trapped, capture_output=True, text=True, check=False)
    assert not (trapped / "trace").exists(), (trapped / "trace").read_text("utf-8")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_starts_programs_is_known() -> None:
    """Whatever else starts a process must be looked at: which files would it run?"""
    root = Path(__file__).parents[3]
    starts = (
        "import subprocess",
        "from subprocess",
        "multiprocessing",
        "ProcessPoolExecutor",
        "os.exec",
        "os.spawn",
        "os.system",
        "runpy",
    )
    found = {
        path.relative_to(root).as_posix()
        for package in ("lambda_src", "lib")
        for path in (root / package).rglob("*.py")
        if any(start in path.read_text("utf-8") for start in starts)
    }
    tools = "lib/client_connect_tools"
    # The first two start uv, which starts the interpreter isolated.
    assert found == {
        f"{tools}/bundling/installing.py",
        f"{tools}/bundling/uv_cache.py",
        f"{tools}/replay/run.py",
    }
