"""The locks are complete, and vulnerabilities of their packages are neither overlooked nor made up."""

from __future__ import annotations

import json
import re
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from proof.supply_chain import audit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
ADVISORY = {
    "id": "TEST-2026-1",
    "summary": "the engine says yes to everybody",
    "affected": [
        {
            "package": {"name": "cedarpy", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}],
        }
    ],
}


@pytest.mark.parametrize("lock", audit.LOCKS)
def test_every_python_package_is_locked_by_hash(lock: str) -> None:
    """A lock holds exact versions, SHA-256 hashes and remarks: no option, and no address of an index."""
    text = (ROOT / lock).read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    package = re.compile(r"[a-z0-9.-]+==[\w.!+]+( ; [^\\]+)? \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [line for line in lines if not (package.fullmatch(line) or digest.fullmatch(line))] == []
    assert [each for each in pairwise(lines) if not any(map(digest.fullmatch, each))] == []
    assert digest.fullmatch(lines[-1])
    assert "://" not in text


def test_every_lock_of_python_packages_is_checked() -> None:
    """No other lock lies next to those that are checked here and audited."""
    folders = [ROOT / "requirements", ROOT / "lib" / "client_connect_tools"]
    found = {path.relative_to(ROOT).as_posix() for folder in folders for path in folder.rglob("*.txt")}
    template = "lib/client_connect_tools/project/template/"  # of a project of the user's, who locks it
    assert {each for each in found if not each.startswith(template)} == set(audit.LOCKS)


def test_what_builds_a_release_is_the_locked_build_tools_and_nothing_else() -> None:
    """Or any development tool, or a script that npm runs, could change what is published."""
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    job = text.partition("\n  build:\n")[2].partition("\n  attest:\n")[0]
    commands = re.findall(
        r"^ +(?:run: )?((?:python |\"\$RUNNER_TEMP\S+|make |npm |uv |pip ).*)$", job, re.MULTILINE
    )
    assert commands == [
        'python -m venv "$RUNNER_TEMP/build"',
        '"$RUNNER_TEMP/build/bin/python" -m pip install --require-hashes --only-binary :all: -r requirements/build.txt',
        '"$RUNNER_TEMP/build/bin/python" distributions/build.py dist',
    ]
    assert "ignore-scripts=true" in (ROOT / ".npmrc").read_text("utf-8").splitlines()


def test_every_node_package_is_locked_by_hash() -> None:
    """package-lock.json has the integrity of each package, and no address to get one from."""
    packages = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    del packages[""]  # this project
    assert packages
    for name, package in packages.items():
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"]), name
        assert "resolved" not in package, name


Advisories = tuple[int, dict[str, Any]]


@pytest.fixture
def ask(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Advisories], tuple[int, str, str]]]:
    """Run the audit against a service that answers for cedarpy as given, and knows nothing of the others."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    answer: list[Advisories] = []

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            about = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
            status, content = answer[0] if about == "cedarpy" else (200, {})
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        Thread(target=server.serve_forever).start()

        def ask(advisories: Advisories) -> tuple[int, str, str]:
            answer[:] = [advisories]
            url = f"http://127.0.0.1:{server.server_port}/v1/query"
            status = audit.main(["--vulnerability-service", "osv", "--osv-url", url])
            return status, *capfd.readouterr()

        yield ask
        server.shutdown()


def test_a_vulnerable_package_fails_the_audit(ask: Callable[[Advisories], tuple[int, str, str]]) -> None:
    """The package, the advisory and the version with the fix are named."""
    status, out, err = ask((200, {"vulns": [ADVISORY]}))
    assert (status, err) == (1, "")
    assert re.search(
        r"^cedarpy \S+: TEST-2026-1, fixed in 99\.0: the engine says yes to everybody$", out, re.MULTILINE
    )
    assert "1 vulnerable" in out


def test_packages_without_advisories_pass_the_audit(
    ask: Callable[[Advisories], tuple[int, str, str]],
) -> None:
    """All were asked about, so there is nothing to warn of."""
    status, out, err = ask((200, {}))
    assert (status, err) == (0, "")
    asked, of = re.findall(r"^(\d+) of (\d+) packages asked about, 0 vulnerable$", out, re.MULTILINE)[0]
    assert asked == of
    assert int(of) > 50


def test_a_service_that_fails_is_no_finding(ask: Callable[[Advisories], tuple[int, str, str]]) -> None:
    """The audit says that it could not ask, and goes on."""
    status, out, err = ask((503, {}))
    assert (status, out) == (0, "")
    assert err.startswith("WARNING: not audited for known vulnerabilities: ")


def test_without_a_network_the_audit_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """No service listens: it says so."""
    assert audit.main(["--vulnerability-service", "osv", "--osv-url", "http://127.0.0.1:9/"]) == 0
    assert "WARNING: not audited for known vulnerabilities: " in capsys.readouterr().err


def test_a_package_that_the_service_does_not_know_is_not_called_sound(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mirror without advisories answers 404; pip-audit skips the package and ends well, the audit warns."""
    skipped = {"name": "cedarpy", "skip_reason": "Dependency not found on PyPI and could not be audited"}
    asked = {"name": "tzdata", "version": "2026.6", "vulns": []}
    output = json.dumps({"dependencies": [skipped, asked], "fixes": []})
    monkeypatch.setattr(
        audit,
        "_pip_audit",
        lambda _: subprocess.CompletedProcess([], 0, output, "No known vulnerabilities found"),
    )
    assert audit.main([]) == 0
    captured = capsys.readouterr()
    assert captured.out == "1 of 2 packages asked about, 0 vulnerable\n"
    assert captured.err == (
        "WARNING: not audited for known vulnerabilities: no answer for 1 packages, the first of them cedarpy\n"
    )


def test_a_wrong_call_fails_the_audit(capsys: pytest.CaptureFixture[str]) -> None:
    """Other failures do not count as the service's."""
    assert audit.main(["--no-such-option"]) == 1
    assert "--no-such-option" in capsys.readouterr().err
