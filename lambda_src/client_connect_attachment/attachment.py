"""Turns a client connect handler on for an endpoint, moves it, and turns it off again.

CloudFormation is always answered, and the endpoint is only changed where that is needed. Another handler than
ours is left alone, unless the request says that it is to be replaced.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyClientVpnEndpoint.html
"""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import time
import urllib.request
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The physical id of what was never turned on, so that there is nothing to turn off when it is deleted.
NOT_ATTACHED = "not-attached"

# Throttled and failed calls are repeated by botocore, with longer and longer pauses.
_CONFIG = Config(connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 5})

# What is kept of the function's time to answer CloudFormation.
_ANSWER_SECONDS = 12
_ANSWER_ATTEMPTS = 3
_ANSWER_TIMEOUT = 3

_MAX_REASON = 1000  # CloudFormation takes an answer of at most 4,096 bytes

_logger = logging.getLogger("client_connect_attachment")


class AttachmentRefused(Exception):
    """The endpoint is left as it is, for a reason that the administrator can do something about."""


class _OutOfTime(BaseException):
    """The function's time is nearly used up. Not an ``Exception``, which botocore would take for its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A handler at an endpoint; its physical id says all of it."""

    endpoint_id: str
    handler_arn: str

    @property
    def physical_id(self) -> str:
        """The id by which CloudFormation knows it: another handler or endpoint is another resource."""
        return f"{self.endpoint_id}/{self.handler_arn}"

    @staticmethod
    def of_properties(properties: Mapping[str, str]) -> Attachment:
        """Return what a template asks for."""
        return Attachment(endpoint_id=properties["EndpointId"], handler_arn=properties["HandlerArn"])

    @staticmethod
    def of_physical_id(physical_id: str) -> Attachment | None:
        """Return what an id stands for; nothing if CloudFormation made the id up, having had no answer."""
        endpoint_id, _, handler_arn = physical_id.partition("/")
        return Attachment(endpoint_id=endpoint_id, handler_arn=handler_arn) if handler_arn else None


class Resource:
    """The resource of one request.

    Attributes:
        physical_id: What CloudFormation is to know it by, also when the request fails.
    """

    def __init__(self, event: Mapping[str, Any]) -> None:
        self.physical_id: str = event.get("PhysicalResourceId", NOT_ATTACHED)
        self._event = event

    def perform(self) -> None:
        """Do what the request asks for."""
        kinds = {"Create": self.create, "Update": self.update, "Delete": self.delete}
        kinds[self._event["RequestType"]]()

    def create(self) -> None:
        """Turn the handler on."""
        wanted = Attachment.of_properties(self._event["ResourceProperties"])
        if self._must_turn_on(wanted, ours={wanted.handler_arn}):
            # From here on it may be on, whatever becomes of EC2's answer.
            self.physical_id = wanted.physical_id
            self._turn_on(wanted)
        self.physical_id = wanted.physical_id

    def update(self) -> None:
        """Move to another handler, to another endpoint, or turn on again what somebody has turned off.

        At another endpoint the old one stays as it is: CloudFormation deletes its physical id later.
        """
        wanted = Attachment.of_properties(self._event["ResourceProperties"])
        try:
            if self._must_turn_on(wanted, ours=self._handlers_so_far(wanted)):
                self._turn_on(wanted)
        except AttachmentRefused:
            # What made an update fail must not make its roll-back fail too, which asks for what there was.
            if self.physical_id != wanted.physical_id:
                raise
            _logger.warning("left the endpoint as it is", exc_info=True)
        self.physical_id = wanted.physical_id

    def delete(self) -> None:
        """Turn the handler off, if it is still ours and the endpoint still there."""
        if self.physical_id == NOT_ATTACHED:
            return
        known = Attachment.of_physical_id(self.physical_id)
        attached = known or Attachment.of_properties(self._event["ResourceProperties"])
        if self._current_handler(attached.endpoint_id) == attached.handler_arn:
            self._modify(attached.endpoint_id, {"Enabled": False})
        else:
            _logger.info("nothing to turn off: the endpoint is gone, or does not have this handler")

    def _handlers_so_far(self, wanted: Attachment) -> set[str]:
        """Return the handlers that this resource may have turned on for the endpoint."""
        before = Attachment.of_properties(self._event["OldResourceProperties"])
        known = Attachment.of_physical_id(self.physical_id) or before
        return {
            each.handler_arn for each in (wanted, before, known) if each.endpoint_id == wanted.endpoint_id
        }

    def _must_turn_on(self, wanted: Attachment, *, ours: set[str]) -> bool:
        """Whether the endpoint must be changed.

        Raises:
            AttachmentRefused: When there is no such endpoint here, or it has a handler that is not ours.
        """
        options = self._options(wanted.endpoint_id)
        if options is None:
            region = self._client.meta.region_name
            raise AttachmentRefused(
                f"endpoint {wanted.endpoint_id} does not exist in {region} in this account; Client VPN invokes only "
                "functions of the endpoint's own account and Region, so define the handler and the attachment there"
            )
        current = _enabled_arn(options)
        if current is not None and current not in ours and not self._replace:
            raise AttachmentRefused(
                f"endpoint {wanted.endpoint_id} has another client connect handler already, {current}; set "
                "replace=True to replace it, or turn it off first"
            )
        return current != wanted.handler_arn

    def _turn_on(self, wanted: Attachment) -> None:
        self._modify(wanted.endpoint_id, {"Enabled": True, "LambdaFunctionArn": wanted.handler_arn})

    def _current_handler(self, endpoint_id: str) -> str | None:
        options = self._options(endpoint_id)
        return None if options is None else _enabled_arn(options)

    def _options(self, endpoint_id: str) -> dict[str, Any] | None:
        """Return the endpoint's client connect options, or nothing if there is no such endpoint."""
        try:
            found = self._client.describe_client_vpn_endpoints(ClientVpnEndpointIds=[endpoint_id])
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidClientVpnEndpointId.NotFound":
                return None
            raise
        (endpoint,) = found["ClientVpnEndpoints"]
        options: dict[str, Any] = endpoint.get("ClientConnectOptions", {})
        return options

    def _modify(self, endpoint_id: str, options: dict[str, Any]) -> None:
        self._client.modify_client_vpn_endpoint(ClientVpnEndpointId=endpoint_id, ClientConnectOptions=options)
        _logger.info("modified the endpoint", extra={"endpointId": endpoint_id, "options": options})

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - Lambda's image has no stubs
        return boto3.client("ec2", config=_CONFIG)

    @property
    def _replace(self) -> bool:
        replace: str = self._event["ResourceProperties"]["Replace"]
        return replace == "true"


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ANN401 - Lambda's own object
    """Do what CloudFormation asks for, and answer it, whatever happens."""
    resource = Resource(event)
    reason = ""
    try:
        with _time_limit(context.get_remaining_time_in_millis() / 1000 - _ANSWER_SECONDS):
            resource.perform()
    except (AttachmentRefused, _OutOfTime) as error:
        _logger.error("the request failed: %s", error)  # noqa: TRY400 - the reason says it all
        reason = str(error)
    except Exception as error:
        _logger.exception("the request failed")
        reason = f"{type(error).__name__}: {error}"
    _answer(event, physical_id=resource.physical_id, reason=reason)


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise ``_OutOfTime`` in the block when it takes longer; Lambda runs functions in the main thread."""

    def expire(*_: object) -> None:
        raise _OutOfTime("EC2 has not answered in time; try again")

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _enabled_arn(options: Mapping[str, Any]) -> str | None:
    """Return the handler that is on."""
    return options.get("LambdaFunctionArn", "") if options.get("Enabled") else None


def _answer(event: Mapping[str, Any], *, physical_id: str, reason: str) -> None:
    """Send CloudFormation the answer; when that fails, so does the function, and Lambda begins again."""
    answer = {
        "Status": "FAILED" if reason else "SUCCESS",
        "PhysicalResourceId": physical_id,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    if reason:
        answer["Reason"] = reason[:_MAX_REASON]
    request = urllib.request.Request(  # noqa: S310 - the URL is CloudFormation's
        event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""}
    )
    for attempt in range(1, _ANSWER_ATTEMPTS + 1):
        try:
            urllib.request.urlopen(request, timeout=_ANSWER_TIMEOUT).close()  # noqa: S310 - as above
        except OSError:
            if attempt == _ANSWER_ATTEMPTS:
                raise
            time.sleep(attempt / 2)
        else:
            return
