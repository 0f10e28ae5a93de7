"""Cold starts: from the start of the process to the first answer, under AWS's own runtime client.

    python -m proof.benchmarks cold_start

Compares the bundle with other handlers that a team could deploy instead.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from client_connect.settings import DEVICES_TABLE as DEVICES
from client_connect.settings import WAIVERS_TABLE as WAIVERS
from client_connect_tools import Bundle
from local_aws.emulator import ARCHITECTURE, RUNTIME
from local_aws.lambda_image import link_image
from local_aws.runtime_client import RuntimeClient
from proof.benchmarks.dynamodb import DEVICES_TABLE, WAIVERS_TABLE, one_device
from proof.benchmarks.event import EVENT
from proof.benchmarks.measuring import in_turn
from proof.benchmarks.networks import with_networks
from proof.benchmarks.policies import TWENTY
from proof.benchmarks.rows import compared, faster

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from proof.benchmarks.rows import Row

TOPIC = "Cold start"
HANDLERS = Path(__file__).with_name("handlers")
POWERTOOLS = ("aws-lambda-powertools", "jmespath", "typing-extensions")


def first_answer(code: Path, handler: str, environment: Mapping[str, str]) -> Callable[[], float]:
    """Return what starts a function, asks it once, and returns the milliseconds until it has answered."""

    def measure() -> float:
        started = perf_counter()
        with RuntimeClient(code, handler=handler, environment=environment) as runtime:
            answer = runtime.invoke(EVENT)
            milliseconds = (perf_counter() - started) * 1000
        if not answer["allow"]:
            raise SystemExit(f"{handler} should allow the connection, but answered {answer}")
        return milliseconds

    return measure


def rows(rounds: int = 60) -> list[Row]:
    """Measure, and return the findings."""
    with TemporaryDirectory() as folder, one_device() as dynamodb:
        ours = Path(folder, "ours")
        Bundle(TWENTY, RUNTIME.removeprefix("python"), ARCHITECTURE).build(ours)
        with_lists, policies = Path(folder, "with lists"), with_networks(TWENTY)
        Bundle(
            policies.text, RUNTIME.removeprefix("python"), ARCHITECTURE, networks=policies.network_table
        ).build(with_lists)
        others = shutil.copytree(HANDLERS, link_image(Path(folder, "others"), POWERTOOLS), dirs_exist_ok=True)
        tables = {**dynamodb, DEVICES: DEVICES_TABLE, WAIVERS: WAIVERS_TABLE}
        calls = {
            "bare": first_answer(others, "bare.handler", {}),
            "boto3": first_answer(others, "with_boto3.handler", {}),
            "powertools": first_answer(others, "with_powertools.handler", {}),
            "posture": first_answer(others, "posture.handler", {**dynamodb, "DEVICES_TABLE": DEVICES_TABLE}),
            "ours": first_answer(ours, "client_connect.handler.handler", {}),
            "ours with networks": first_answer(with_lists, "client_connect.handler.handler", {}),
            "ours with an inventory": first_answer(ours, "client_connect.handler.handler", tables),
        }
        found = in_turn(calls, rounds=rounds, warm_up=3)
    us, posture = "the handler, 20 policies", "a hand-written posture handler with boto3 and a table"
    looking_up, theirs = found["ours with an inventory"], found["posture"]
    return [
        compared(TOPIC, us, found["ours"], "a bare handler of two lines", found["bare"], at_most=1.5),
        faster(TOPIC, us, found["ours"], "a bare handler that imports boto3", found["boto3"], at_least=1),
        faster(TOPIC, us, found["ours"], "Powertools' logger and metrics", found["powertools"], at_least=1),
        faster(TOPIC, us, found["ours"], posture, theirs, at_least=2.5),
        compared(
            TOPIC,
            f"{us}, with 40,000 named networks",
            found["ours with networks"],
            us,
            found["ours"],
            at_most=1.3,
        ),
        faster(TOPIC, f"{us}, with an inventory", looking_up, posture, theirs, at_least=1.8),
    ]
