"""The way back to a version: what it takes, checked first, and then done."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from client_connect_tools.deployed.aws import AwsFailed, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from client_connect_tools.deployed.finding import DeployedHandler
    from client_connect_tools.deployed.functions import Alias, Function, Probed, Version

_SETTINGS = "CLIENT_CONNECT_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """An alias that is to point to another version.

    Attributes:
        function: Whose alias it is.
        alias: Where it points now.
        source: The version that it points to; ``None`` when that has been removed.
        target: The version that it is to point to.
        probed: How that answered.
    """

    function: Function
    alias: Alias
    source: Version | None
    target: Version
    probed: Probed

    @property
    def is_done(self) -> bool:
        """Whether the alias points there already, with all requests."""
        return self.alias.version == self.target.number and not self.alias.weights

    def changed_settings(self) -> list[str]:
        """Return which settings differ: environment variables by their names, memory and runtime."""
        if self.source is None:
            return []
        before, after = self.source.environment, self.target.environment
        if before is None or after is None:
            names = ["environment variables, maybe, which only those may read who may use their key"]
        else:
            names = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
        names += ["memory"] if self.source.memory_mib != self.target.memory_mib else []
        return names + (["runtime"] if self.source.runtime != self.target.runtime else [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """The data of a way back, after all checks.

    Attributes:
        handler: The handler's alias.
        reauthorizer: The re-authorizer's, which goes first: it must not end what the handler is about to admit.
        before: How the version that answers now answered; or why it did not.
        provisioned: How many environments are provisioned for the handler's alias.
        notes: What could not be checked.
    """

    handler: Move
    reauthorizer: Move | None
    before: Probed | str
    provisioned: int
    notes: Sequence[str]

    def difference(self) -> Iterator[str]:
        """Yield the lines where the policies differ; none when they are the same."""
        if isinstance(self.before, str):
            return
        yield from difflib.unified_diff(
            self.before.text.splitlines(),
            self.handler.probed.text.splitlines(),
            f"version {self.handler.alias.version}",
            f"version {self.handler.target.number}",
            n=1,
            lineterm="",
        )

    def carry_out(self) -> None:
        """Move the aliases, the re-authorizer's first.

        Raises:
            AwsFailed: When one is not moved; it says what has been done.
        """
        if self.reauthorizer is not None and not self.reauthorizer.is_done:
            _move(self.reauthorizer)
        if self.handler.is_done:
            return
        if not self.provisioned:
            _move(self.handler)
            return
        # Lambda keeps requests on the old version until environments of the new one are ready, and refuses to change
        # an alias that stands between two. Without any, the alias moves at once.
        function = self.handler.function
        function.unprovision()
        try:
            _move(self.handler)
        finally:
            _provision_again(function, self.provisioned)


def _move(move: Move) -> None:
    try:
        move.function.move(move.alias, move.target.number)
    except AwsFailed as error:
        raise AwsFailed(
            f"the alias of {move.function.name} was not moved; run the same command again: {error}"
        ) from error


def _provision_again(function: Function, number: int) -> None:
    try:
        function.provision(number)
    except AwsFailed as error:
        raise AwsFailed(
            f"the {number} environments of {function.name} are not provisioned any more, so connections may wait for a "
            "cold start; run: aws lambda put-provisioned-concurrency-config --function-name "
            f"{function.name} --qualifier live --provisioned-concurrent-executions {number}: {error}"
        ) from error


def plan(  # noqa: PLR0913 - one keyword per option of the command
    handler: DeployedHandler,
    *,
    to: int | None,
    request: Mapping[str, Any],
    must_allow: bool,
    reauthorizer: Function | None,
    is_forced: bool,
) -> Rollback:
    """Check a way back, and change nothing.

    Args:
        handler: The handler.
        to: The version to go back to. Default: the newest that is older than the one that answers.
        request: The connection request to ask it.
        must_allow: Whether it must allow that.
        reauthorizer: The re-authorizer to take along. Default: none.
        is_forced: Whether to go on while something else moves the alias.

    Raises:
        Refused: When there is no such version, it does not work, or something else is moving the alias.
        AwsFailed: When AWS cannot be asked.
    """
    function, alias = handler.function, handler.alias
    versions = {version.number: version for version in function.versions()}
    notes = [] if is_forced else _require_rest(handler)
    target = _target(function, alias, versions, to)
    if target.described.is_unqualified:
        raise Refused(
            f"the endpoints of {function.name} run $LATEST, so moving its alias changes nothing for them; deploy, and "
            "use FunctionReference.ALIAS"
        )
    probed = _sound(function, target, request, must_allow=must_allow)
    return Rollback(
        handler=Move(
            function=function, alias=alias, source=versions.get(alias.version), target=target, probed=probed
        ),
        reauthorizer=None if reauthorizer is None else _together(reauthorizer, function, target, probed),
        before=_before(function, alias, request),
        provisioned=function.provisioned(),
        notes=notes,
    )


def _require_rest(handler: DeployedHandler) -> list[str]:
    """Check that nothing else moves the alias; return what could not be checked."""
    weights = handler.alias.weights
    if weights:
        shares = ", ".join(
            f"{handler.alias.share(version):.0%} by version {version}"
            for version in (handler.alias.version, *weights)
        )
        raise Refused(
            f"requests are answered {shares}: a gradual deployment is running, which would move the alias on. Stop it, "
            "and it rolls back by itself: aws deploy stop-deployment --deployment-id ID --auto-rollback-enabled. Where "
            "none is running, Lambda is allocating provisioned concurrency. To move the alias anyway: --force"
        )
    try:
        status = handler.stack_status()
    except AwsFailed as error:
        return [f"whether a deployment is running is not known: {error}"]
    if status is not None and status.endswith("_IN_PROGRESS"):
        raise Refused(
            f"the stack is in the state {status}: its deployment would move the alias on. Wait until it has ended, or "
            "cancel it: aws cloudformation cancel-update-stack. To move the alias anyway: --force"
        )
    return []


def _target(function: Function, alias: Alias, versions: Mapping[int, Version], to: int | None) -> Version:
    older = [number for number in versions if number < alias.version]
    number = max(older, default=None) if to is None else to
    kept = ", ".join(map(str, sorted(versions, reverse=True)))
    if number is None:
        raise Refused(
            f"no version of {function.name} is older than {alias.version}, which answers; there are {kept}. The first "
            "deployment with previous_versions= keeps only what is published from then on"
        )
    if number not in versions:
        raise Refused(f"{function.name} has no version {number}; there are {kept}")
    if number == alias.version and not alias.weights:
        raise Refused(f"version {number} of {function.name} answers already; nothing to do")
    return versions[number]


def _sound(function: Function, target: Version, request: Mapping[str, Any], *, must_allow: bool) -> Probed:
    probed = function.probe(str(target.number), request)
    which = f"version {target.number} of {function.name}"
    _require_described(which, target, probed)
    if probed.errors:
        raise Refused(f"{which} answers, but policies fail: {'; '.join(probed.errors)}")
    if must_allow and not probed.allow:
        by = ", ".join(probed.determining) or "no policy permits it"
        raise Refused(f"{which} denies the request too ({by}): {probed.message or 'no message'}")
    return probed


def _require_described(which: str, version: Version, probed: Probed) -> None:
    described = version.described.digest
    if described is not None and described != probed.policies:
        raise Refused(
            f"{which} decides by the policies {probed.policies}, but says that they are {described}; do not trust it"
        )


def _before(function: Function, alias: Alias, request: Mapping[str, Any]) -> Probed | str:
    try:
        return function.probe(str(alias.version), request)
    except (AwsFailed, Refused) as error:
        return str(error)


def _together(reauthorizer: Function, function: Function, target: Version, probed: Probed) -> Move:
    """Return the move of a re-authorizer to the version with the same policies and settings."""
    alias = reauthorizer.alias()
    versions = {version.number: version for version in reauthorizer.versions()}
    number = max(
        (
            version.number
            for version in versions.values()
            if version.described.handler == function.name
            and version.described.handler_version == str(target.number)
        ),
        default=None,
    )
    if alias is None or number is None:
        raise Refused(
            f"the re-authorizer {reauthorizer.name} has no version for version {target.number} of the handler, so it "
            "would go on by the policies of now, and end what the handler admits. Choose another version, or leave it "
            "as it is by --no-reauthorizer and disable the rule of its schedule"
        )
    found = reauthorizer.probe(str(number), {})
    if found.policies != probed.policies:
        raise Refused(
            f"version {number} of {reauthorizer.name} decides by the policies {found.policies}, but the handler's "
            f"by {probed.policies}; do not trust it"
        )
    return Move(
        function=reauthorizer,
        alias=alias,
        source=versions.get(alias.version),
        target=versions[number],
        probed=found,
    )
