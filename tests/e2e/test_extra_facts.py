"""A module of extra facts in a bundle, under AWS's own runtime client: what it does wrong, and the example."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime
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
    if request.username.startswith("log:"):
        exec(request.username.removeprefix("log:"), {"request": request})
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
LOGGING = "import io, logging, logging.config, os, sys; "
# Things that a module, or its imports, may do to logging.
SABOTAGE = {
    "dictConfig": 'logging.config.dictConfig({"version": 1})',
    "dictConfig with handlers": (
        'logging.config.dictConfig({"version": 1, "handlers": {"h": {"class": "logging.NullHandler"}}, '
        '"root": {"level": "ERROR", "handlers": ["h"]}})'
    ),
    "disable": "logging.disable(logging.CRITICAL)",
    "level of the root": "logging.getLogger().setLevel(logging.CRITICAL)",
    "level of the logger": 'logging.getLogger("client_connect").setLevel(logging.CRITICAL)',
    "logger off": 'logging.getLogger("client_connect").disabled = True',
    "formatter": '[h.setFormatter(logging.Formatter("%(message)s")) for h in logging.getLogger().handlers]',
    "filter": "[h.addFilter(lambda record: False) for h in logging.getLogger().handlers]",
    "level of the handler": "[h.setLevel(logging.CRITICAL) for h in logging.getLogger().handlers]",
    "names of levels": 'logging.addLevelName(logging.INFO, "info")',
    "class": 'logging.setLoggerClass(type("Mine", (logging.Logger,), {"handle": lambda *_: None}))',
    "factory": 'logging.setLogRecordFactory(lambda *_, **__: logging.makeLogRecord({"msg": "hidden"}))',
    "converter": "logging.Formatter.converter = None",
    "basicConfig": "logging.basicConfig(force=True, level=logging.CRITICAL, stream=io.StringIO())",
    "shutdown": "logging.shutdown()",
    "no handlers": "logging.getLogger().handlers.clear()",
    "print": "sys.stdout = sys.__stdout__ = io.StringIO()",
    "standard output": "os.dup2(os.open(os.devnull, os.O_WRONLY), 1)",
    "closed": "os.close(1)",
}
FAULTS = {
    "raises": "LookupError at our_facts.py:9 in facts",
    "exits": "SystemExit at our_facts.py:10 in facts",
    "hangs": "TimeoutError: no answer within 2.5 s",
    "a list": "TypeError: facts() returned list, not a dict",
    "a float": "ValueError: facts() returned what no policy can read: float 0.5 is nothing that a policy can read",
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


@pytest.mark.parametrize("sabotage", SABOTAGE)
def test_records_survive_what_a_module_does_to_logging(runtime: RuntimeClient, sabotage: str) -> None:
    """The record of this very connection, and of all later ones, is written as Lambda's JSON format has it."""
    before = len(runtime.log_lines)
    assert message(runtime, f"log:{LOGGING}{SABOTAGE[sabotage]}") is None
    (line,) = runtime.log_lines[before:]
    record = json.loads(line)
    assert (record["level"], record["message"]) == ("INFO", "connection allowed")
    assert record["logger"] == "client_connect"
    assert record["requestId"]
    assert datetime.fromisoformat(record["timestamp"]).tzinfo is UTC
    assert (record["Allowed"], record["facts"]["customFacts"]) == (1, "available")
    assert record["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "ClientConnect"


@pytest.mark.parametrize(
    "source",
    [
        'import logging.config; logging.config.dictConfig({"version": 1})',
        "import logging; logging.basicConfig(force=True); logging.disable()",
    ],
)
def test_records_survive_what_a_module_does_at_its_import(tmp_path: Path, source: str) -> None:
    """It may be a package that the module imports."""
    module = written(tmp_path, f"{source}\ndef facts(request): return {{'riskScore': 80}}")
    with start(tmp_path / "out", module) as running:
        running.invoke(event("risky"))
        (record,) = running.log_records
        assert (record["level"], record["Denied"]) == ("INFO", 1)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "import a_module_that_nobody_has",
            "ModuleNotFoundError (a_module_that_nobody_has) at our_facts.py:1 in <module>",
        ),
        ("import os; os.environ['RISK_SERVICE_URL']", "KeyError at our_facts.py:1 in <module>"),
        ("import sys; sys.exit()", "SystemExit at our_facts.py:1 in <module>"),
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


def test_the_example_takes_an_unknown_user_for_an_outage(tmp_path: Path) -> None:
    """It asks a service over a real connection; a user unknown to it, and its end, are an outage."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _RiskService)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url = "http://{}:{}".format(*server.server_address[:2])
    example = ExtraFacts.from_file(EXAMPLE / "risk.py")
    with start(tmp_path / "out", example, RISK_SERVICE_URL=url) as running:
        assert message(running, "bob") is None
        assert message(running, "mallory") is None
        assert message(running, "o'eve") == "Your account needs a check. Please call the help desk."
        assert message(running, "nobody") == TRY_AGAIN
        assert running.log_records[-1]["unavailable"]["customFacts"] == "HTTPError at risk.py:20 in facts"
        server.shutdown()
        server.server_close()
        assert message(running, "bob") == TRY_AGAIN
