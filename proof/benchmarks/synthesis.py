"""Synthesis: the app against the same resources written with the CDK's own constructs.

    python -m proof.benchmarks synthesis

Warm: Node runs already, and the function's code is built. Both apps stage the same code; only the handler's construct
checks policies.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk

from app import define
from client_connect_tools import Bundle
from proof.benchmarks.measuring import in_turn, timed
from proof.benchmarks.plain_stack import PlainStack
from proof.benchmarks.rows import compared

if TYPE_CHECKING:
    from collections.abc import Callable

    from proof.benchmarks.rows import Row

ROOT = Path(__file__).parents[2]


def synthesis(
    context: dict[str, Any], define_stacks: Callable[[cdk.App], object]
) -> Callable[[], Counter[str]]:
    """Return what defines and synthesizes an app, and returns how many resources of each type it has."""

    def synthesize() -> Counter[str]:
        with TemporaryDirectory() as out:
            app = cdk.App(context=context, outdir=out)
            define_stacks(app)
            (stack,) = app.synth().stacks
            return Counter(resource["Type"] for resource in stack.template["Resources"].values())

    return synthesize


def rows(rounds: int = 30) -> list[Row]:
    """Measure, and return the findings."""
    context = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
    with TemporaryDirectory() as folder:
        bundle = Bundle('@id("all") permit (principal, action, resource);', "3.14", "arm64")
        bundle.build(Path(folder, "code"))

        def plain(app: cdk.App) -> None:
            PlainStack(app, "Plain", code=Path(folder, "code"), code_hash=bundle.digest())

        apps = {"ours": synthesis(context, define), "plain": synthesis(context, plain)}
        found = {name: synthesize() for name, synthesize in apps.items()}
        if found["ours"] != found["plain"]:
            raise SystemExit(f"the apps differ: {found}")
        times = in_turn({name: timed(call) for name, call in apps.items()}, rounds=rounds, warm_up=5)
    plain_constructs = "the same resources by the CDK's own constructs"
    return [compared("Synthesis", "app.py", times["ours"], plain_constructs, times["plain"], at_most=1.1)]
