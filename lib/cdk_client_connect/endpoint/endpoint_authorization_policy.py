"""The construct that gives an endpoint a native authorization policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Annotations, Token, Validations
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from cdk_client_connect.endpoint.trust_provider import TrustProvider
from cdk_client_connect.errors import InvalidArgument, InvalidAuthorizationPolicy, InvalidTrustProvider
from cdk_client_connect.shared._arguments import flag, require_all, typed
from client_connect_tools import Policies, native

if TYPE_CHECKING:
    from collections.abc import Sequence

# The CDK checks templates against a schema of CloudFormation that is older than its own ec2.CfnClientVpnEndpoint, and
# refuses as additional properties what that class has. cfn-lint, whose schema is newer, knows them.
_ACKNOWLEDGED = Acknowledgment(
    id="CloudFormation-Validate::F3002",
    reason="the bundled schema does not know the authorization policy and device posture of an endpoint yet",
)


class EndpointAuthorizationPolicy(Construct):
    """The Cedar policy that Client VPN itself evaluates when a client connects, and every 5 minutes after that.

    Sets the authorization policy and the device posture options of an endpoint; it defines no resource. An endpoint
    has one authorization policy. It has no message to the user and needs the AWS provided client 6.2.0 or later; what
    it cannot see or say is for a ``ClientConnectHandler``, and both may be used.

    Source: the device posture pages of https://docs.aws.amazon.com/vpn/latest/clientvpn-admin/

    Args:
        scope: The construct to define it in.
        id: Its id in ``scope``.
        endpoint: Has neither an authorization policy nor device posture options yet.
        policies: Together the policy document, at most 10,000 bytes. Checked here against the trust data that AWS
            documents; what is not documented or only doubtful is a warning, which can be acknowledged by
            ``cdk-client-connect:`` and the name of the lint.
        trust_providers: Whose data the policy reads, each at most once. Default: none.
        shadow_mode: Evaluate and log, but enforce nothing. Default: ``True``, unlike CloudFormation.
        disconnect_all_sessions: That you know: enforcing a policy, and each change of an enforced one, disconnects
            every session of the endpoint. Must be ``True`` with ``shadow_mode=False``, and changes nothing else.
        log_evaluation_context: Whether the connection log gets what the policy saw, which is personal data. The
            endpoint's other log options stay as they are. Default: ``False``, which leaves the option as it is.
        description: Of the policy. Default: none.
        policy_tests: Whether the tests next to the policies (``*.tests.toml``) run here, so nothing is
            synthesized when one fails. Default: ``True``.

    Raises:
        ClientConnectError: When an argument is wrong: ``InvalidArgument``, ``InvalidAuthorizationPolicy``,
            ``InvalidTrustProvider``, ``InvalidPolicies``, ``InvalidPolicyTests``, ``PolicyTestsFailed``.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        endpoint: ec2.ClientVpnEndpoint | ec2.CfnClientVpnEndpoint,
        policies: Policies,
        trust_providers: Sequence[TrustProvider] = (),
        shadow_mode: bool = True,
        disconnect_all_sessions: bool = False,
        log_evaluation_context: bool = False,
        description: str | None = None,
        policy_tests: bool = True,
    ) -> None:
        require_all(
            typed(
                "endpoint",
                endpoint,
                (ec2.ClientVpnEndpoint, ec2.CfnClientVpnEndpoint),
                "an ec2.ClientVpnEndpoint or ec2.CfnClientVpnEndpoint that is defined in this app",
            ),
            typed(
                "policies", policies, Policies, "Policies, made by Policies.from_file(...) or another factory"
            ),
            typed(
                "trust_providers",
                trust_providers,
                (list, tuple),
                "a list, such as [TrustProvider.jamf(tenant_id=...)]",
            ),
            flag("shadow_mode", shadow_mode),
            flag("disconnect_all_sessions", disconnect_all_sessions),
            flag("log_evaluation_context", log_evaluation_context),
            typed("description", description, str, "a text", optional=True),
            flag("policy_tests", policy_tests),
        )
        if not shadow_mode and not disconnect_all_sessions:
            raise InvalidAuthorizationPolicy(
                "shadow_mode=False enforces the policy: leaving shadow mode, and every later change of the policy, "
                "disconnects every session of the endpoint; say that you know by disconnect_all_sessions=True, or keep "
                "shadow_mode=True"
            )
        providers = _providers(trust_providers)
        document = _document(policies)
        resource = _resource(endpoint)
        _require_free(resource)
        if log_evaluation_context:
            _require_connection_log(resource)
        native.require_sound(policies, providers)
        if policy_tests:
            native.require_passing(policies, providers)

        super().__init__(scope, id)
        for finding in native.lint(policies):
            Annotations.of(self).add_warning_v2(f"cdk-client-connect:{finding.rule}", str(finding))
        resource.authorization_policy = ec2.CfnClientVpnEndpoint.AuthorizationPolicyProperty(
            policy_document=document,
            description=description,
            shadow_mode="enabled" if shadow_mode else "disabled",
        )
        if trust_providers:
            resource.device_posture_options = _posture_options(trust_providers)
        if log_evaluation_context:
            # Added to whatever is there, even if that is a token.
            resource.add_property_override(
                "ConnectionLogOptions.IncludeAuthorizationPolicyContext", value=True
            )
        Validations.of(resource).acknowledge(_ACKNOWLEDGED)
        self._policy_document = document

    @property
    def policy_document(self) -> str:
        """The policy as the endpoint gets it."""
        return self._policy_document


def _providers(trust_providers: Sequence[TrustProvider]) -> tuple[native.TrustProviderType, ...]:
    for each in trust_providers:
        if not isinstance(each, TrustProvider):
            raise InvalidArgument(
                f"trust_providers has {each!r}; give TrustProvider.jamf(...) or another one"
            )
    types = tuple(each.type for each in trust_providers)
    if repeated := sorted({each for each in types if types.count(each) > 1}):
        raise InvalidTrustProvider(
            f"{repeated[0]} is among the trust_providers twice; give each of them once"
        )
    return types


def _document(policies: Policies) -> str:
    document = policies.text
    if Token.is_unresolved(document) or "{{resolve:" in document:
        raise InvalidAuthorizationPolicy(
            "the policies hold a token or a dynamic reference, which is replaced only after the policy was checked; "
            "give the text itself"
        )
    return document


def _resource(endpoint: ec2.ClientVpnEndpoint | ec2.CfnClientVpnEndpoint) -> ec2.CfnClientVpnEndpoint:
    resource = endpoint.node.default_child if isinstance(endpoint, ec2.ClientVpnEndpoint) else endpoint
    if not isinstance(resource, ec2.CfnClientVpnEndpoint):
        raise InvalidAuthorizationPolicy(
            f"endpoint {endpoint.node.path} has no ec2.CfnClientVpnEndpoint as its default child; give that itself"
        )
    return resource


def _require_free(resource: ec2.CfnClientVpnEndpoint) -> None:
    what = {
        "an authorization policy": resource.authorization_policy,
        "device posture options": resource.device_posture_options,
    }
    for name, value in what.items():
        if value is not None:
            raise InvalidAuthorizationPolicy(
                f"endpoint {resource.node.path} already has {name}, and an endpoint has them once; put everything into "
                "one EndpointAuthorizationPolicy"
            )


def _require_connection_log(resource: ec2.CfnClientVpnEndpoint) -> None:
    options = resource.connection_log_options
    if (
        isinstance(options, ec2.CfnClientVpnEndpoint.ConnectionLogOptionsProperty)
        and options.enabled is False
    ):
        raise InvalidAuthorizationPolicy(
            f"log_evaluation_context=True, but endpoint {resource.node.path} keeps no connection log; enable "
            "connection logging, or leave log_evaluation_context out"
        )


def _posture_options(
    trust_providers: Sequence[TrustProvider],
) -> ec2.CfnClientVpnEndpoint.DevicePostureOptionsProperty:
    return ec2.CfnClientVpnEndpoint.DevicePostureOptionsProperty(
        enabled=True,
        trust_providers=[
            ec2.CfnClientVpnEndpoint.DevicePostureTrustProviderProperty(
                trust_provider_type=each.type,
                tenant_id=each.tenant_id,
                public_signing_key_url=each.public_signing_key_url,
            )
            for each in trust_providers
        ],
    )
