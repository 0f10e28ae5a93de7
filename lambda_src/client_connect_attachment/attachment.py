"""Turns a client connect handler on for an endpoint, moves it, and turns it off again.

CloudFormation is always answered, and the endpoint is only changed where that is needed. Another handler than
ours is left alone, unless the request says that it must be replaced.

A request is not trusted, because whoever may invoke the function can make one up. The environment says which endpoints,
handlers and resources the function is for, CloudFormation must be at work on the request's stack, and only
CloudFormation is answered. Which handler this attachment has turned on before, its claim says and not the request.

Each attachment claims the handler by a tag of the endpoint, before it turns the handler on. What was on before
without a claim is claimed too, for no attachment. Only the last claim to go turns the handler off: an attachment that
was renamed, and one whose creation is rolled back, leave it to the other one.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyClientVpnEndpoint.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import signal
import time
import urllib.request
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The environment variables with what the function may do, as lists with commas.
ENDPOINT_IDS = "CLIENT_CONNECT_ENDPOINT_IDS"
HANDLER_ARNS = "CLIENT_CONNECT_HANDLER_ARNS"
LOGICAL_IDS = "CLIENT_CONNECT_LOGICAL_IDS"
# Whether another handler may be replaced, if a request asks for it.
REPLACE = "CLIENT_CONNECT_REPLACE"

# The physical id of a resource that was never turned on: its deletion turns nothing off.
NOT_ATTACHED = "not-attached"
# That of a creation that failed on its way: what it has done is known by its claim alone.
UNFINISHED = "unfinished"

# The prefix of the keys of the claims; the function may write no other tag.
TAG_PREFIX = "cdk-client-connect:"
# The claim without an attachment, of a handler that was on before the attachments.
BY_HAND = f"{TAG_PREFIX}by-hand"

# Throttled and failed calls are repeated by botocore, with longer and longer pauses.
_CONFIG = Config(connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 5})

# The part of the function's time that is kept for the answer to CloudFormation.
_ANSWER_SECONDS = 12
_ANSWER_ATTEMPTS = 3
_ANSWER_TIMEOUT = 3

_CLAIM_PAUSE = 0.5  # seconds

_MAX_REASON = 1000  # CloudFormation takes an answer of at most 4,096 bytes

# CloudFormation's own buckets, by the Region with or without its hyphens, at S3's hosts in all partitions.
# Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-vpce-bucketnames.html
_BUCKET = "cloudformation-custom-resource-response-"
_SUFFIXES = (
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "csp.hci.ic.gov",
    "cloud.adc-e.uk",
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HTTPS = 443

_logger = logging.getLogger("client_connect_attachment")


class AttachmentRefused(Exception):
    """The endpoint is left as it is, for a reason that the administrator can do something about."""


class NotPermitted(AttachmentRefused):
    """The request asks for what this function is not for."""


class AnswerRefused(Exception):
    """The answer would not go to CloudFormation, so nothing is done and nothing is answered."""


class _OutOfTime(BaseException):
    """The function's time is nearly used up. Not an ``Exception``, which botocore would handle as its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A handler at an endpoint; its physical id says all of it."""

    endpoint_id: str
    handler_arn: str

    @property
    def physical_id(self) -> str:
        """The id under which CloudFormation knows it: another handler or endpoint is another resource."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """EC2's description of an endpoint.

    Attributes:
        handler_arn: The handler that is on.
        claims: Who claims which handler: tags, by their keys.
    """

    handler_arn: str | None
    claims: Mapping[str, str]

    @staticmethod
    def of_answer(endpoint: Mapping[str, Any]) -> Endpoint:
        """Return what an answer says."""
        options = endpoint.get("ClientConnectOptions", {})
        return Endpoint(
            handler_arn=options.get("LambdaFunctionArn", "") if options.get("Enabled") else None,
            claims={
                tag["Key"]: tag["Value"]
                for tag in endpoint.get("Tags", ())
                if tag["Key"].startswith(TAG_PREFIX)
            },
        )

    def claimants(self, handler_arn: str) -> set[str]:
        """Return the keys of the claims on a handler."""
        return {key for key, claim in self.claims.items() if _claimed_arn(claim) == handler_arn}


class Resource:
    """The resource of one request.

    Attributes:
        physical_id: Its id in CloudFormation, even when the request fails.
    """

    def __init__(self, event: Mapping[str, Any]) -> None:
        self.physical_id: str = event.get("PhysicalResourceId", NOT_ATTACHED)
        self._event = event

    def perform(self) -> None:
        """Do what the request asks for."""
        kinds = {"Create": self.create, "Update": self.update, "Delete": self.delete}
        kinds[self._event["RequestType"]]()

    def require_operation(self) -> None:
        """Check that CloudFormation is at work on the request's stack: otherwise the request is not CloudFormation's.

        Raises:
            NotPermitted: When it is not, or when the request is for another resource than the function's.
        """
        if self._event["LogicalResourceId"] not in _listed(LOGICAL_IDS):
            raise NotPermitted(
                f"this function is for the resource {os.environ[LOGICAL_IDS]} and no other, but the request is for "
                f"{self._event['LogicalResourceId']:.200}"
            )
        client = boto3.client("cloudformation", config=_CONFIG)
        (stack,) = client.describe_stacks(StackName=self._event["StackId"])["Stacks"]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            raise NotPermitted(
                f"the stack is in the state {stack['StackStatus']}, so CloudFormation has not sent this request; only "
                "CloudFormation may, while it deploys"
            )

    def create(self) -> None:
        """Claim the handler and turn it on."""
        wanted = Attachment.of_properties(self._event["ResourceProperties"])
        endpoint = self._permitted_endpoint(wanted)
        # Our claim from another request is one that was left: its handler was on before this creation.
        again = endpoint.claims.get(self._key) == self._claim_on(wanted)
        # From here on it may be claimed and on, whatever EC2 answers.
        self.physical_id = UNFINISHED
        self._attach(wanted, endpoint, by_us=again)
        self.physical_id = wanted.physical_id

    def update(self) -> None:
        """Move to another handler, to another endpoint, or turn on what was turned off by hand.

        At another endpoint the old one stays as it is: CloudFormation deletes its physical id later. What a move
        that failed has done at the other one is undone at once and, in case that failed too, by the roll-back,
        which asks for what CloudFormation knows already.
        """
        wanted = Attachment.of_properties(self._event["ResourceProperties"])
        before = Attachment.of_properties(self._event["OldResourceProperties"])
        is_known = self.physical_id == wanted.physical_id
        try:
            endpoint = self._permitted_endpoint(wanted)
            by_us = is_known or self._key in endpoint.claimants(wanted.handler_arn)
            self._attach(wanted, endpoint, by_us=by_us)
        except NotPermitted:
            raise
        except AttachmentRefused:
            # The cause of a failed update must not make its roll-back fail too, which asks for the former state.
            if not is_known:
                raise
            _logger.warning("left the endpoint as it is", exc_info=True)
        except Exception:
            if not is_known and before.endpoint_id != wanted.endpoint_id:
                self._undo_move_to(wanted)
            raise
        if is_known and before.endpoint_id != wanted.endpoint_id:
            self._undo_move_to(before)
        self.physical_id = wanted.physical_id

    def delete(self) -> None:
        """Give the claim up, and turn the handler off if that was the last claim on it.

        Raises:
            AttachmentRefused: When the handler is on without any claim, so its owner is unknown.
        """
        if self.physical_id == NOT_ATTACHED:
            return
        known = Attachment.of_physical_id(self.physical_id)
        attached = known or Attachment.of_properties(self._event["ResourceProperties"])
        endpoint = self._endpoint(attached.endpoint_id)
        if endpoint is None:
            _logger.info("nothing to turn off: the endpoint is gone")
            return
        is_unclaimed = not endpoint.claimants(attached.handler_arn)
        if known and is_unclaimed and endpoint.handler_arn == attached.handler_arn:
            raise AttachmentRefused(
                f"endpoint {attached.endpoint_id} has lost the tag {self._key}, under which its client connect handler "
                f"{attached.handler_arn} is known to be this attachment's; turn the handler off yourself, then remove "
                "the attachment again"
            )
        self._release(attached, endpoint)
        is_on = endpoint.handler_arn == attached.handler_arn
        if not is_on and BY_HAND in endpoint.claimants(attached.handler_arn):
            self._give_up(attached.endpoint_id, BY_HAND)

    def _is_ours(self, endpoint: Endpoint) -> bool:
        """Tell whether the handler that is on is one that this function is for, or that this resource claims."""
        current = endpoint.handler_arn
        return current is not None and (
            current in _listed(HANDLER_ARNS) or self._key in endpoint.claimants(current)
        )

    def _permitted_endpoint(self, wanted: Attachment) -> Endpoint:
        """Return the endpoint as it is now.

        Raises:
            AttachmentRefused: When there is no such endpoint here, or it has a handler that is not ours.
            NotPermitted: When the function is not for this endpoint or handler.
        """
        if wanted.handler_arn not in _listed(HANDLER_ARNS):
            raise NotPermitted(
                f"this function turns on {os.environ[HANDLER_ARNS]} and no other handler, but the request asks for "
                f"{wanted.handler_arn:.200}"
            )
        endpoint = self._endpoint(wanted.endpoint_id)
        if endpoint is None:
            region = self._client.meta.region_name
            raise AttachmentRefused(
                f"endpoint {wanted.endpoint_id} does not exist in {region} in this account; Client VPN invokes only "
                "functions of the endpoint's own account and Region, so define the handler and the attachment there"
            )
        current = endpoint.handler_arn
        if current is not None and not self._is_ours(endpoint) and not self._replace:
            raise AttachmentRefused(
                f"endpoint {wanted.endpoint_id} has another client connect handler already, {current}; set "
                "replace=True to replace it, or turn it off first"
            )
        return endpoint

    def _attach(self, wanted: Attachment, endpoint: Endpoint, *, by_us: bool) -> None:
        """Claim the handler and turn it on.

        Args:
            wanted: The handler, and where.
            endpoint: The endpoint as it is.
            by_us: Whether this resource has turned the handler on, if it is on.
        """
        claim = self._claim_on(wanted)
        is_on = endpoint.handler_arn == wanted.handler_arn
        claims = {self._key: claim}
        if is_on and not by_us and not endpoint.claimants(wanted.handler_arn) - {self._key}:
            claims[BY_HAND] = claim
        if not claims.items() <= endpoint.claims.items():
            self._claim(wanted.endpoint_id, claims)
        if not is_on:
            # The former handler or endpoint may come back by a roll-back; its deletion comes only after that.
            if BY_HAND in endpoint.claims and not self._is_ours(endpoint):
                self._give_up(wanted.endpoint_id, BY_HAND)
            self._modify(wanted.endpoint_id, {"Enabled": True, "LambdaFunctionArn": wanted.handler_arn})

    def _release(self, attached: Attachment, endpoint: Endpoint) -> None:
        """Give the claim up, and turn the handler off if that was the last claim on it."""
        claimants = endpoint.claimants(attached.handler_arn)
        if self._key not in claimants:
            _logger.info("nothing to turn off: the handler is not claimed by this attachment")
            return
        if endpoint.handler_arn == attached.handler_arn and claimants == {self._key}:
            self._modify(attached.endpoint_id, {"Enabled": False})
        # Last, so a repetition still knows what it has to do.
        self._give_up(attached.endpoint_id, self._key)

    def _undo_move_to(self, attached: Attachment) -> None:
        """Release an endpoint that a failed update has moved to, as far as it may: that must not fail anything."""
        try:
            endpoint = self._endpoint(attached.endpoint_id)
            if endpoint is not None:
                self._release(attached, endpoint)
        except (BotoCoreError, ClientError, NotPermitted):
            _logger.exception("could not release the endpoint", extra={"endpointId": attached.endpoint_id})

    def _claim(self, endpoint_id: str, claims: Mapping[str, str]) -> None:
        """Write claims, and wait until EC2 shows them: whoever deletes another claim must see these."""
        tags = [{"Key": key, "Value": claim} for key, claim in claims.items()]
        self._client.create_tags(Resources=[endpoint_id], Tags=tags)
        _logger.info("claimed the handler", extra={"endpointId": endpoint_id, "claims": claims})
        while (endpoint := self._endpoint(endpoint_id)) and not claims.items() <= endpoint.claims.items():
            time.sleep(_CLAIM_PAUSE)

    def _give_up(self, endpoint_id: str, key: str) -> None:
        self._client.delete_tags(Resources=[endpoint_id], Tags=[{"Key": key}])
        _logger.info("gave up the claim", extra={"endpointId": endpoint_id, "claim": key})

    @cached_property
    def _key(self) -> str:
        """The key of this attachment's claims: for people the names of the stack and in it, and what is unique."""
        stack_id, logical_id = self._event["StackId"], self._event["LogicalResourceId"]
        stack_name = stack_id.split("/")[1]
        digest = sha256(f"{stack_id} {logical_id}".encode()).hexdigest()
        return f"{TAG_PREFIX}{stack_name[:48]}/{logical_id[:40]}/{digest[:16]}"  # a key has at most 127 characters

    def _claim_on(self, wanted: Attachment) -> str:
        """Return a claim's value, which is the same in all attempts of one request."""
        return f"{wanted.handler_arn} {self._event['RequestId']}"

    def _endpoint(self, endpoint_id: str) -> Endpoint | None:
        """Return an endpoint, or nothing if there is no such endpoint.

        Raises:
            NotPermitted: When the function is not for this endpoint.
        """
        if endpoint_id not in _listed(ENDPOINT_IDS):
            raise NotPermitted(
                f"this function changes {os.environ[ENDPOINT_IDS]} and no other endpoint, but the request names "
                f"{endpoint_id:.200}"
            )
        try:
            found = self._client.describe_client_vpn_endpoints(ClientVpnEndpointIds=[endpoint_id])
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidClientVpnEndpointId.NotFound":
                return None
            raise
        (endpoint,) = found["ClientVpnEndpoints"]
        return Endpoint.of_answer(endpoint)

    def _modify(self, endpoint_id: str, options: dict[str, Any]) -> None:
        self._client.modify_client_vpn_endpoint(ClientVpnEndpointId=endpoint_id, ClientConnectOptions=options)
        _logger.info("modified the endpoint", extra={"endpointId": endpoint_id, "options": options})

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - Lambda's image has no stubs
        return boto3.client("ec2", config=_CONFIG)

    @property
    def _replace(self) -> bool:
        replace: str = self._event["ResourceProperties"]["Replace"]
        return replace == "true" == os.environ[REPLACE]


def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ANN401 - Lambda's own object
    """Do what CloudFormation asks for, and answer it, whatever happens.

    Raises:
        AnswerRefused: When the answer would not go to CloudFormation. Nothing was done then.
    """
    _require_cloudformation(event["ResponseURL"])
    resource = Resource(event)
    reason = ""
    try:
        with _time_limit(context.get_remaining_time_in_millis() / 1000 - _ANSWER_SECONDS):
            resource.require_operation()
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


def _listed(variable: str) -> list[str]:
    return os.environ[variable].split(",")


def _require_cloudformation(url: str) -> None:
    """Check that a URL is where CloudFormation expects its answers.

    Raises:
        AnswerRefused: When it is not. The message does not repeat the URL, because it may be signed.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _LOOPBACK and _is_emulated():
        return
    is_plain = parts.scheme == "https" and parts.username is None and (parts.port or _HTTPS) == _HTTPS
    if not (is_plain and _bucket_hosts().fullmatch(host)):
        raise AnswerRefused(
            f"the answer would go to {host!r:.200}, which is not a bucket of CloudFormation's"
        )


def _bucket_hosts() -> re.Pattern[str]:
    region = os.environ["AWS_REGION"]
    buckets = "|".join(re.escape(_BUCKET + name) for name in (region, region.replace("-", "")))
    suffixes = "|".join(map(re.escape, _SUFFIXES))
    return re.compile(rf"({buckets})\.s3(-fips)?(\.dualstack)?([.-]{re.escape(region)})?\.({suffixes})")


def _is_emulated() -> bool:
    """Whether EC2 is an emulator on this machine, which is never the case in AWS."""
    url = os.environ.get("AWS_ENDPOINT_URL_EC2") or os.environ.get("AWS_ENDPOINT_URL") or ""
    return urlsplit(url).hostname in _LOOPBACK


def _claimed_arn(claim: str) -> str:
    """Return the handler of a claim's value."""
    return claim.partition(" ")[0]


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
