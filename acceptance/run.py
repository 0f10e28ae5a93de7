"""A run: everything is created, observed and removed, and then the claims are judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acceptance.checks import CLAIMS, OBSERVATIONS
from acceptance.claims import Observed, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from acceptance.claims import Observation, Verdict
    from acceptance.sandbox import Sandbox


def run(sandbox: Sandbox, report: Callable[[str], None]) -> Observed:
    """Run it from nothing to nothing, and return what was observed.

    Args:
        sandbox: What is created for it, and removed.
        report: Called with each step.

    Raises:
        local_aws.cdk_cli.CdkFailed: When the first deployment fails; what it has created is removed.
    """
    observed = Observed(is_aws=sandbox.place.is_aws)
    with sandbox:
        for observation in OBSERVATIONS:
            if not observation.after_removal:
                _observe(observation, sandbox, observed, report)
    for observation in OBSERVATIONS:
        if observation.after_removal:
            _observe(observation, sandbox, observed, report)
    return observed


def verdicts(observed: Observed) -> Sequence[Verdict]:
    """Judge all claims."""
    return [judge(claim, observed) for claim in CLAIMS]


def _observe(
    observation: Observation, sandbox: Sandbox, observed: Observed, report: Callable[[str], None]
) -> None:
    """Observe; what fails is a claim without an answer, and the run goes on."""
    if observation.needs_aws and not sandbox.place.is_aws:
        observed.errors[observation.name] = "only AWS has it"
        return
    report(observation.title)
    try:
        observed.values[observation.name] = observation.observe(sandbox)
    except Exception as error:  # noqa: BLE001 - whatever it is, the others are observed and everything is removed
        observed.errors[observation.name] = f"{type(error).__name__}: {error}"
