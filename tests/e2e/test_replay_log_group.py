"""``client-connect replay --log-group`` reads CloudWatch Logs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from client_connect_tools.cli import main
from tests.support.connection_logs import PERMIT, record

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from local_aws.emulator import Emulator

pytestmark = pytest.mark.e2e
GROUP = "/aws/lambda/AWSClientVPN-replayed"


def run(emulator: Emulator, policies: Path, *arguments: str) -> Result:
    """Run the command with the emulator's credentials."""
    given = ["replay", "--policies", str(policies), "--json", *arguments]
    return CliRunner().invoke(main, given, env=emulator.environment)


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """Return policies."""
    file = tmp_path / "all.cedar"
    file.write_text(PERMIT, "utf-8")
    return file


def test_a_log_group_is_replayed_page_by_page(emulator: Emulator, policies: Path) -> None:
    """Events before the asked time are left out, and the function's other lines are counted."""
    logs = emulator.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="stream")
    now = int(time.time() * 1000)
    sent = [(now - 7_200_000, "START RequestId: old")]
    sent += [
        (now - 60_000 + number, json.dumps(record(connection_id=f"c-{number}", minutes=number)))
        for number in range(120)
    ]
    sent += [(now - 1000, "REPORT RequestId: 1\tDuration: 1 ms\n")]
    events = [{"timestamp": at, "message": message} for at, message in sent]
    logs.put_log_events(logGroupName=GROUP, logStreamName="stream", logEvents=events)  # type: ignore[arg-type]
    result = run(emulator, policies, "--log-group", GROUP, "--since", "1h")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["totals"]["decisions"], found["skipped"]) == (120, {"Lambda REPORT": 1})


def test_fails_for_a_log_group_that_is_not_there(emulator: Emulator, policies: Path) -> None:
    """It is named, and nothing of boto3's own is shown."""
    result = run(emulator, policies, "--log-group", "/nowhere", "--since", "1h")
    assert (result.exit_code, result.stdout) == (2, "")
    assert 'there is no log group "/nowhere" in ' in result.stderr
