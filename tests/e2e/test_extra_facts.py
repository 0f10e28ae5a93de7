"""A module of extra facts in a bundle, under AWS's own runtime client: what it does wrong, and the example."""

from __future__ import annotations

import json
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from client_connect_tools import Bundle, ExtraFacts, Policies
from local_aws.emulator import ARCHITECTURE, RUNTIME
from local_aws.runtime_client import RuntimeClient

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform != "linux", reason="the bundle is built for Lambda and runs on this machine"
    ),
]

HANDLER = "client_connect.handler.handler"
EXAMPLE = Path(__file__).parents[2] / "examples" / "extra-facts"
TRY_AGAIN = "Your connection could not be checked just now. Please try again in a few minutes."
# The users are named after what the module does for them.
SOURCE = """
import threading
from client_connect import ConnectionRequest

def facts(request: ConnectionRequest) -> dict[str, object]:
    match request.username:
        case "raises": raise LookupError("no such user")
        case "exits": raise SystemExit(1)
        case "hangs": threading.Event().wait()
        case "a list": return [1]
        case "a float": return {"riskScore": 0.5}
        case "a text": return {"riskScore": "80"}
        case "undeclared": return {"riskScore": 80, "score": 80}
        case "missing": return {}
    return {"riskScore": 80 if request.username == "risky" else 0}
"""
FAULTS = {
    "raises": "LookupError: no such user",
    "exits": "SystemExit: 1",
    "hangs": "TimeoutError: no answer within 2.5 s",
    "a list": "TypeError: facts() returned list, not a dict",
    "a float": "ValueError: float is nothing that a policy can read: 0.5",
    "a text": "ValueError: facts() returned what custom.cedarschema does not declare: a value is of another type",
    "undeclared": "ValueError: facts() returned what custom.cedarschema does not declare: while parsing context, ",
    "missing": "ValueError: facts() returned what custom.cedarschema does not declare: while parsing context, ",
}


def start(folder: Path, extra_facts: ExtraFacts, **environment: str) -> RuntimeClient:
    """Return the example's policies with a module, bundled for the Python and the machine that run here."""
    policies, python = Policies.from_directory(EXAMPLE), RUNTIME.removeprefix("python")
    Bundle(policies.text, python, ARCHITECTURE, extra_facts=extra_facts, custom=policies.custom).build(folder)
    environment |= {"CLIENT_CONNECT_EXTRA_FACTS": extra_facts.module}
    return RuntimeClient(folder, handler=HANDLER, environment=environment)


def written(folder: Path, source: str) -> ExtraFacts:
    """Return a module with this source."""
    file = folder / "our_facts.py"
    file.write_text(dedent(source), "utf-8")
    return ExtraFacts.from_file(file)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeClient]:
    """A function whose module fails for some users."""
    folder = tmp_path_factory.mktemp("bundle")
    with start(folder / "out", written(folder, SOURCE)) as running:
        yield running


def event(username: str) -> dict[str, Any]:
    """Return an event."""
    return {
        "connection-id": "cvpn-connection-1",
        "endpoint-id": "cvpn-endpoint-1",
        "username": username,
        "platform": "win",
        "public-ip": "198.51.100.7",
        "groups": [],
        "schema-version": "v3",
    }


def message(runtime: RuntimeClient, username: str) -> str | None:
    """Return what a denied user is shown; nothing when the user is allowed."""
    answer = runtime.invoke(event(username))
    return None if answer["allow"] else str(answer["error-msg-on-denied-connection"])


def test_facts_reach_the_policies(runtime: RuntimeClient) -> None:
    """The module decides, and the record holds what it said."""
    assert message(runtime, "bob") is None
    assert message(runtime, "risky") == "Your account needs a check. Please call the help desk."
    record = runtime.log_records[-1]
    assert record["facts"] == {"timeZone": "UTC", "customFacts": "available", "custom": {"riskScore": 80}}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_a_fact(runtime: RuntimeClient, fault: str) -> None:
    """Of one user it denies this one, with a message, a reason and a metric; the next is asked about again."""
    assert message(runtime, fault) == TRY_AGAIN
    record = runtime.log_records[-1]
    assert record["facts"]["customFacts"] == "unavailable"
    assert record["unavailable"]["customFacts"].startswith(FAULTS[fault])
    assert (record["level"], record["CustomFactsErrors"]) == ("WARNING", 1)
    assert message(runtime, "bob") is None


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "import a_module_that_nobody_has",
            "ModuleNotFoundError: No module named 'a_module_that_nobody_has'",
        ),
        ("import os; os.environ['RISK_SERVICE_URL']", "KeyError: 'RISK_SERVICE_URL'"),
        ("import sys; sys.exit()", "SystemExit: "),
        ("import threading; threading.Event().wait()", "TimeoutError: no answer within 2.5 s"),
    ],
)
def test_an_import_that_fails_is_a_fact(tmp_path: Path, source: str, reason: str) -> None:
    """The function starts, and each client is answered."""
    module = written(tmp_path, f"{source}\ndef facts(request): return {{'riskScore': 0}}")
    with start(tmp_path / "out", module) as running:
        assert message(running, "bob") == TRY_AGAIN
        assert running.log_records[-1]["unavailable"]["customFacts"].startswith(reason)


class _RiskService(BaseHTTPRequestHandler):
    """The service that the example asks."""

    def do_GET(self) -> None:
        known = {"/users/bob": {"score": 20}, "/users/o%27eve": {"score": 90}}
        known["/users/mallory"] = {"score": 90, "vouchedForBy": "alice"}
        answer = known.get(self.path)
        self.send_response(HTTPStatus.OK if answer else HTTPStatus.NOT_FOUND)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_the_example(tmp_path: Path) -> None:
    """It asks a service over a real connection; a user whom that does not know, and its end, are an outage."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _RiskService)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url = "http://{}:{}".format(*server.server_address[:2])
    example = ExtraFacts.from_file(EXAMPLE / "risk.py")
    with start(tmp_path / "out", example, RISK_SERVICE_URL=url) as running:
        assert message(running, "bob") is None
        assert message(running, "mallory") is None
        assert message(running, "o'eve") == "Your account needs a check. Please call the help desk."
        assert message(running, "nobody") == TRY_AGAIN
        assert running.log_records[-1]["unavailable"]["customFacts"] == "HTTPError: HTTP Error 404: Not Found"
        server.shutdown()
        server.server_close()
        assert message(running, "bob") == TRY_AGAIN
