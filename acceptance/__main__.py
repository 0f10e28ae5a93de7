"""The command behind ``make acceptance`` and ``make leftovers``."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape

from acceptance import leftovers
from acceptance.costs import statement
from acceptance.here import Here
from acceptance.place import Account, PlaceNotUsable
from acceptance.report import document, failures, summary, table
from acceptance.run import run, verdicts
from acceptance.sandbox import Sandbox
from client_connect_tools.output.safe_output import console
from local_aws.cdk_cli import CdkFailed
from local_aws.emulator import EmulatorFailed
from local_aws.process import unwind_on_signals
from local_aws.vpn.certificates import CertificateFailed
from local_aws.vpn.networks import NetworkFailed
from local_aws.vpn.openvpn_server import ServerFailed
from local_aws.vpn.requirements import missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from acceptance.place import Place

# Exit statuses: 1 is for a sentence that is wrong, and for leftovers.
_REFUSED = 2
_INTERRUPTED = 130
_LONGEST_LINE = 100
_FAILURES = (
    CdkFailed,
    EmulatorFailed,
    CertificateFailed,
    NetworkFailed,
    ServerFailed,
    ClientError,
    BotoCoreError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, and return the exit status."""
    unwind_on_signals()
    options = _options(arguments)
    screen = console()
    try:
        return _leftovers(options, screen) if options.action == "leftovers" else _run(options, screen)
    except PlaceNotUsable as error:
        screen.print(f"error: {escape(str(error))}", soft_wrap=True)
        return _REFUSED
    except KeyboardInterrupt:
        screen.print("Stopped.")
        return _INTERRUPTED
    except _FAILURES as error:
        screen.print(f"[red]failed:[/] {escape(str(error))}", soft_wrap=True)
        return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m acceptance", description=__doc__)
    parser.add_argument(
        "action", choices=["run", "leftovers"], help="try the claims; or find and remove leftovers"
    )
    parser.add_argument("--profile", help="the profile of the AWS CLI's configuration that is signed in")
    parser.add_argument("--region", help="the Region")
    parser.add_argument("--here", action="store_true", help="on this machine, in place of AWS")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", type=Path, help="write the report into this file")
    options = parser.parse_args(arguments)
    if options.here and (options.profile or options.region):
        parser.error("--here is for this machine, and --profile and --region are for AWS: give one of both")
    if not options.here and not (options.profile and options.region):
        parser.error(
            "give PROFILE=... and REGION=... of a sandbox account, or HERE=1 to try it on this machine without AWS"
        )
    if options.here and options.action == "leftovers":
        parser.error("a run on this machine leaves nothing behind: give PROFILE=... and REGION=...")
    if options.json and not options.json.resolve().parent.is_dir():
        parser.error(f"{options.json.resolve().parent} is no folder: make it, or give another REPORT=...")
    return options


def _run(options: argparse.Namespace, screen: Console) -> int:
    def report(line: str) -> None:
        screen.print(escape(line), soft_wrap=True)

    with contextlib.ExitStack() as resources:
        if options.here:
            place: Place = resources.enter_context(_here(screen))
        else:
            account = resources.enter_context(Account(profile=options.profile, region=options.region))
            screen.print(f"This is {escape(account.title)}, signed in as {escape(account.caller)}.")
            screen.print(f"It has {account.endpoints()} Client VPN endpoints, which a run leaves alone.")
            screen.print(escape(statement()), soft_wrap=True)
            account.require_usable()
            if not _agreed(f"Create it in account {account.account}, {account.region}?", options, screen):
                return _REFUSED
            place = account
        with screen.status("") as status:
            sandbox = Sandbox(
                place, report=report, detail=lambda line: status.update(escape(line.strip()[:_LONGEST_LINE]))
            )
            observed = run(sandbox, report)
    found = verdicts(observed)
    screen.print(table(found))
    screen.print(summary(found))
    for failure in failures(found):
        screen.print(f"[red]wrong:[/] {escape(failure)}", soft_wrap=True)
    if options.json is not None:
        made = document(run=sandbox.run, place=place.title, observed=observed, verdicts=found)
        options.json.write_text(
            json.dumps(made, indent=2, sort_keys=True, ensure_ascii=False, default=str) + "\n", "utf-8"
        )
    return 1 if failures(found) or sandbox.problems else 0


def _here(screen: Console) -> Here:
    if problems := missing():
        raise PlaceNotUsable("this machine cannot run a VPN yet; it needs " + "; ".join(problems))
    screen.print("Starting the emulator and an OpenVPN server")
    return Here()


def _leftovers(options: argparse.Namespace, screen: Console) -> int:
    with Account(profile=options.profile, region=options.region) as account:
        found = leftovers.find(account)
        if not found:
            screen.print(f"Nothing is left in {escape(account.title)}.")
            return 0
        screen.print(f"In {escape(account.title)}, runs have left, or are using at this moment:")
        for each in found:
            screen.print(f"  - {escape(str(each))}", soft_wrap=True)
        if not _agreed("Remove it?", options, screen):
            return _REFUSED
        problems = leftovers.remove(account, found, screen.print)
        # Leftovers of the stacks; runs that others have begun meanwhile were not agreed to.
        agreed = {each.run for each in found}
        left = [each for each in leftovers.find(account) if each.run in agreed]
        problems += leftovers.remove(account, left, screen.print)
        for problem in problems:
            screen.print(f"[red]not removed:[/] {escape(problem)}", soft_wrap=True)
        return 1 if problems or any(each.run in agreed for each in leftovers.find(account)) else 0


def _agreed(question: str, options: argparse.Namespace, screen: Console) -> bool:
    if options.yes:
        return True
    if not sys.stdin.isatty():
        screen.print("Nothing was done: without a terminal, give YES=1 to agree.")
        return False
    answer = screen.input(f"{escape(question)} \\[y/N] ")
    if answer.strip().lower() in ("y", "yes"):
        return True
    screen.print("Nothing was done.")
    return False


if __name__ == "__main__":
    sys.exit(main())
