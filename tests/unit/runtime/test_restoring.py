"""A process that is resumed from a snapshot decides as one that was started then."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from client_connect import bundled_files
from client_connect.handler import start
from tests.support import resumed_process
from tests.support.events import PERMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a snapshot is a fork here")

ROOT = Path(__file__).parents[3]
UNTIL = datetime.now(UTC) + timedelta(days=20)
# Denied only when the time is over, and allowed only when the device is compliant by the table.
POLICIES = f"""
@id("compliant") permit (principal, action, resource) when {{ context has device && context.device.compliant }};
@id("over") @message("It is over.") forbid (principal, action, resource)
when {{ context.time.now > datetime("{UNTIL:%Y-%m-%dT%H:%M:%SZ}") }};
"""


class DynamoDb:
    """A table with one device, on a loopback port, that notes who asks."""

    def __init__(self) -> None:
        table, self.keys = self, []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                table.keys += re.findall(r"Credential=([A-Z]+)/", self.headers["Authorization"])
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["RequestItems"]
                item = {"commonName": {"S": "laptop-1"}, "compliant": {"BOOL": True}}
                answer = {
                    "Responses": {name: [item] if name == "devices" else [] for name in asked},
                    "UnprocessedKeys": {},
                }
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.keys: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def table() -> Iterator[DynamoDb]:
    """The table, served."""
    found = DynamoDb()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def answers(table: DynamoDb, bundle: Path, **options: bool) -> list[dict[str, Any]]:
    """Run a process with these policies; return what it, or its children, answered."""
    (bundle / "policies.cedar").write_text(POLICIES, "utf-8")
    finished = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from tests.support import resumed_process as p; p.main({str(bundle)!r}, **{options!r})",
        ],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
            "AWS_ACCESS_KEY_ID": "AKIABEFORE",
            "AWS_SECRET_ACCESS_KEY": "before",
            "AWS_SESSION_TOKEN": "before",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{table.server.server_port}",
            "CLIENT_CONNECT_DEVICES_TABLE": "devices",
            "CLIENT_CONNECT_WAIVERS_TABLE": "waivers",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return [json.loads(line) for line in finished.stdout.splitlines() if line.startswith('{"answer"')]


def test_a_resumed_process_decides_as_a_fresh_one(table: DynamoDb, tmp_path: Path) -> None:
    """By the clock and with the credentials of now."""
    (fresh,) = answers(table, tmp_path, is_resumed=False)
    resumed = answers(table, tmp_path, is_resumed=True)
    assert fresh["answer"]["error-msg-on-denied-connection"] == "It is over."
    assert [each["answer"] for each in resumed] == resumed_process.CHILDREN * [fresh["answer"]]
    assert set(table.keys) == {"AKIALATER"}


def test_the_hooks_are_what_makes_the_difference(table: DynamoDb, tmp_path: Path) -> None:
    """Without them, each would ask with the credentials of the snapshot. A fork has other random numbers anyway."""
    resumed = answers(table, tmp_path, is_resumed=True, runs_hooks=False)
    assert resumed[0]["hooks"] == ["seed", "renew"]
    assert set(table.keys) == {"AKIABEFORE"}


def test_without_snapshots_nothing_is_registered() -> None:
    """A cold start does not even import the hooks, nor what answers probes."""
    program = (
        "import sys, client_connect.handler; "
        "sys.exit(str(sys.modules.keys() & {'client_connect.restoring', 'client_connect.probe'}))"
    )
    environment = {"PATH": os.environ["PATH"]}
    finished = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert finished.stderr == "set()\n"


def test_what_could_not_be_initialized_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot of a process that failed for a moment does not deny everybody for as long as its version lives."""
    monkeypatch.setattr(bundled_files, "BUNDLE", str(tmp_path))
    handler = start()
    assert handler(resumed_process.EVENT)["allow"] is False
    (tmp_path / "policies.cedar").write_text(PERMIT, "utf-8")
    handler.renew()
    assert handler(resumed_process.EVENT)["allow"] is True
