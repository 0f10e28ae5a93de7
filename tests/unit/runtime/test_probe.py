"""A probe: what a version would decide, without a record of a decision."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from client_connect import Authorizer
from client_connect.handler import ConnectHandler
from client_connect.request import PROBE, is_probe
from client_connect.settings import Settings
from tests.support.events import event

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.log_lines import Log

PERMIT = '@id("all") permit (principal, action, resource);\n'


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle with these policies."""
    (tmp_path / "policies.cedar").write_text(PERMIT, "utf-8")
    monkeypatch.setattr("client_connect.bundled_files.BUNDLE", str(tmp_path))


@pytest.mark.usefixtures("bundle")
def test_a_probe_says_what_would_be_decided_and_by_what(log: Log) -> None:
    """With the text of the policies; and the line that it leaves has nothing that a record has at its top."""
    authorizer = Authorizer(PERMIT)
    handler = ConnectHandler(authorizer.decide, Settings(), policies=authorizer.policies.digest)
    answer = handler({PROBE: event()})
    found = answer[PROBE]
    assert answer.keys() == {PROBE}
    assert (found["allow"], found["text"], found["policies"]) == (True, PERMIT, authorizer.policies.digest)
    assert found["decision"]["determining"] == ("all",)
    json.dumps(answer)
    (line,) = log.records()
    assert not {"allow", "Allowed", "Denied", "_aws", "request", "decision"} & line.keys()
    assert line["probe"]["decision"]["allowed"] is True


@pytest.mark.usefixtures("bundle")
@pytest.mark.parametrize("request_", [None, [], "x", {}, {"connection-id": 1}])
def test_a_probe_with_a_malformed_request_gets_the_reason(request_: object, log: Log) -> None:
    """Nothing is raised, no one is allowed, and no error is counted."""
    answer = ConnectHandler(Authorizer(PERMIT).decide, Settings())({PROBE: request_})
    assert answer[PROBE].keys() == {"error"}
    assert all("Errors" not in line for line in log.records())


@pytest.mark.parametrize("more", ["allow", "connection-id"])
def test_what_has_other_keys_is_no_probe(more: str) -> None:
    """Client VPN always sends some, so none of its requests can be one."""
    assert not is_probe({PROBE: event(), more: "x"})
    assert not is_probe(event())
    assert not is_probe([PROBE])
