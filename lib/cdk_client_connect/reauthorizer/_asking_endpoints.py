"""Check that the endpoints of a re-authorizer are those that ask its handler.

Connections of an endpoint that is missing would never be decided again nor counted; those of another handler's endpoint
would be decided with the wrong policies. Only when everything is defined can this be seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnResource, Reference, Stage, Token, Tokenization
from aws_cdk import aws_ec2 as ec2

from cdk_client_connect.endpoint.endpoint_attachment import ATTACHMENT, EndpointAttachment
from cdk_client_connect.final_templates._endpoints import arn_of
from cdk_client_connect.final_templates._templates import Deviation, check_templates
from cdk_client_connect.handler._handler_base import HandlerBase
from cdk_client_connect.handler._imported_handler import ImportedHandler

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from constructs import Construct

    from cdk_client_connect.final_templates._templates import Templates
    from cdk_client_connect.handler.i_client_connect_handler import IClientConnectHandler


def check_asking_endpoints(
    reauthorizer: Construct, handler: IClientConnectHandler, endpoint_ids: Sequence[str]
) -> None:
    """Have the endpoints of a re-authorizer compared with those of its stage that ask the handler."""
    check_templates(reauthorizer, _Check(reauthorizer, handler, endpoint_ids))


class _Check:
    def __init__(
        self, reauthorizer: Construct, handler: IClientConnectHandler, endpoint_ids: Sequence[str]
    ) -> None:
        self._reauthorizer = reauthorizer
        self._handler = handler
        self._ids = endpoint_ids

    def __call__(self, templates: Templates) -> Iterator[Deviation]:
        stage = Stage.of(self._reauthorizer)
        constructs = [] if stage is None else stage.node.find_all()
        endpoints = {each.ref: each for each in constructs if isinstance(each, ec2.CfnClientVpnEndpoint)}
        attachments = [each for each in constructs if isinstance(each, EndpointAttachment)]
        yield from self._missing(endpoints, attachments)
        yield from self._foreign(endpoints, attachments, templates)

    def _missing(
        self, endpoints: dict[str, ec2.CfnClientVpnEndpoint], attachments: list[EndpointAttachment]
    ) -> Iterator[Deviation]:
        asking: dict[str, CfnResource] = {
            each.endpoint_id: _resource(each) for each in attachments if self._is_ours(each)
        }
        asking |= {id_: each for id_, each in endpoints.items() if self._is_given_ours(each)}
        missing = [id_ for id_ in asking if id_ not in self._ids]
        # An id may be that of an endpoint of another stack, which could not be given as a reference.
        others = [id_ for id_ in self._ids if id_ not in endpoints and id_ not in asking]
        if any(map(Token.is_unresolved, others)) or any(map(Token.is_unresolved, missing)):
            missing = missing if len(missing) > len(others) else []
        for id_ in missing:
            yield Deviation(
                rule="unwatchedEndpoint",
                resource=asking[id_],
                location=_location(asking[id_]),
                found=f"the endpoint asks client connect handler {self._handler.node.path}, but is not among the "
                f"endpoints of re-authorizer {self._reauthorizer.node.path}, so its connections would never be decided "
                "again, and not be counted",
                fix="add the endpoint to endpoints of the re-authorizer, or its id if it is in another stack",
            )

    def _foreign(
        self,
        endpoints: dict[str, ec2.CfnClientVpnEndpoint],
        attachments: list[EndpointAttachment],
        templates: Templates,
    ) -> Iterator[Deviation]:
        for id_ in self._ids:
            attached = [each for each in attachments if each.endpoint_id == id_]
            endpoint = endpoints.get(id_)
            if any(map(self._is_ours, attached)):
                continue
            if attached:
                yield self._wrong(_resource(attached[0]))
            elif endpoint is not None and self._asks_another(endpoint, templates):
                yield self._wrong(endpoint)

    def _wrong(self, resource: CfnResource) -> Deviation:
        return Deviation(
            rule="foreignEndpoint",
            resource=resource,
            location=_location(resource),
            found=f"the endpoint is among the endpoints of re-authorizer {self._reauthorizer.node.path}, but does not "
            f"ask its handler {self._handler.node.path}, so its connections would be decided by the wrong policies",
            fix="remove the endpoint from endpoints of the re-authorizer, or give it this handler",
        )

    def _is_ours(self, attachment: EndpointAttachment) -> bool:
        return attachment.handler.node.path == self._handler.node.path or bool(
            self._is_same_import(attachment.handler)
        )

    def _is_given_ours(self, endpoint: ec2.CfnClientVpnEndpoint) -> bool:
        arn = arn_of(endpoint)
        if arn == self._handler.function_arn or self._is_same_import(self._given_by(arn)):
            return True
        return any(path.startswith(f"{self._handler.node.path}/") for path in _targets(arn))

    def _asks_another(self, endpoint: ec2.CfnClientVpnEndpoint, templates: Templates) -> bool:
        """Whether it is known to ask another handler or none; an ARN that is no reference may be ours."""
        arn = arn_of(endpoint)
        if arn is None:
            return not (templates.properties(endpoint) or {}).get("ClientConnectOptions")
        given = self._given_by(arn)
        if isinstance(self._handler, ImportedHandler) and isinstance(given, ImportedHandler):
            return self._is_same_import(given) is False
        return (given is not None or bool(_targets(arn))) and not self._is_given_ours(endpoint)

    def _given_by(self, arn: object) -> HandlerBase | None:
        """Return the handler of the app whose ARN this is."""
        handlers = self._handler.node.root.node.find_all()
        return next(
            (each for each in handlers if isinstance(each, HandlerBase) and each.function_arn == arn), None
        )

    def _is_same_import(self, other: object) -> bool | None:
        """Whether another import is of our handler; another stack may have imported it."""
        if not isinstance(self._handler, ImportedHandler) or not isinstance(other, ImportedHandler):
            return False
        return self._handler.is_same_as(other)


def _targets(arn: object) -> list[str]:
    """Return the paths of the functions, versions and aliases that an ARN refers to."""
    if not isinstance(arn, str):
        return []
    tokens = Tokenization.reverse_string(arn).tokens
    return [each.target.node.path for each in tokens if isinstance(each, Reference)]


def _resource(attachment: EndpointAttachment) -> CfnResource:
    """Return the resource that attaches the handler."""
    return next(
        each
        for each in attachment.node.find_all()
        if isinstance(each, CfnResource) and each.cfn_resource_type == ATTACHMENT
    )


def _location(resource: CfnResource) -> str:
    is_endpoint = isinstance(resource, ec2.CfnClientVpnEndpoint)
    return "Properties.ClientConnectOptions" if is_endpoint else "Properties.EndpointId"
