"""A deployment group of CodeDeploy whose role may do what is added to the group, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aws_cdk import aws_cloudwatch as cloudwatch
    from aws_cdk import aws_lambda as lambda_
    from constructs import Construct

    from cdk_client_connect.handler.client_connect_handler import ClientConnectHandler


class DeploymentGroup(codedeploy.LambdaDeploymentGroup):
    """The CDK's deployment group, which gives our role the permissions for hooks and alarms that are added.

    The CDK adds them to a role that may be changed, but not those on alarms; and AWS's managed policy, which it
    attaches to such a role, allows far more.

    Args:
        scope: The construct to define it in.
        id: Its id in ``scope``.
        handler: The handler.
        alarms: The alarms that roll back.
        config: How the traffic moves.
        role: CodeDeploy's role. Default: a new one.
        check: Refuses an alarm that is added; gets all alarms.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        handler: ClientConnectHandler,
        alarms: Sequence[cloudwatch.IAlarm],
        config: codedeploy.ILambdaDeploymentConfig,
        role: iam.IRole | None,
        check: Callable[[cloudwatch.IAlarm, Sequence[cloudwatch.IAlarm]], None],
    ) -> None:
        self._handler = handler
        self._watched = list(alarms)
        self._check = check
        self._alarm_permission = iam.PolicyStatement(
            actions=["cloudwatch:DescribeAlarms"], resources=[alarm.alarm_arn for alarm in alarms]
        )
        self._own_role = _role(scope, handler, self._alarm_permission) if role is None else None
        super().__init__(
            scope,
            id,
            alias=handler.alias,
            alarms=list(alarms),
            auto_rollback=codedeploy.AutoRollbackConfig(
                failed_deployment=True,
                # A deployment that is stopped without it leaves the alias between two versions.
                stopped_deployment=True,
                deployment_in_alarm=True,
            ),
            deployment_config=config,
            ignore_poll_alarms_failure=False,
            role=role if self._own_role is None else self._own_role.without_policy_updates(),
        )

    def add_alarm(self, alarm: cloudwatch.IAlarm) -> None:
        """Let an alarm roll back, too, and let CodeDeploy read it.

        Args:
            alarm: As in ``alarms`` of the ``GradualDeployment``.

        Raises:
            InvalidArgument: When it cannot roll back, or there would be more than CodeDeploy takes.
        """
        self._check(alarm, [*self._watched, alarm])
        if any(each.alarm_arn == alarm.alarm_arn for each in self._watched):
            return
        super().add_alarm(alarm)
        self._watched.append(alarm)
        self._alarm_permission.add_resources(alarm.alarm_arn)

    def add_pre_hook(self, pre_hook: lambda_.IFunction) -> None:
        """Run a function before traffic is shifted, which reports to CodeDeploy whether to go on.

        Args:
            pre_hook: The function. It may not refer to the alias, which waits for it.
        """
        super().add_pre_hook(pre_hook)
        self._allow_hook("PreHook", pre_hook)

    def add_post_hook(self, post_hook: lambda_.IFunction) -> None:
        """Run a function after all traffic was shifted, which reports to CodeDeploy whether to roll back.

        Args:
            post_hook: The function. It may not refer to the alias, which waits for it.
        """
        super().add_post_hook(post_hook)
        self._allow_hook("PostHook", post_hook)

    def _allow_hook(self, id: str, hook: lambda_.IFunction) -> None:
        """Allow CodeDeploy to invoke a hook before the alias is updated.

        Not in the role itself: the group depends on the role, and the hook, which reports to the group, on the group.
        """
        if self._own_role is None:
            self._handler.alias.node.add_dependency(self.role)
            return
        statement = iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[hook.function_arn])
        policy = iam.Policy(self, id, roles=[self._own_role], statements=[statement])
        self._handler.alias.node.add_dependency(policy)


def _role(scope: Construct, handler: ClientConnectHandler, alarms: iam.PolicyStatement) -> iam.Role:
    """Define a role with what AWSCodeDeployRoleForLambdaLimited has, on these resources alone.

    Without the permissions for revisions in S3: none are used.
    """
    function = handler.function.function_arn
    # Written out, because the alias waits for the deployment group, which waits for the role.
    alias = f"{function}:{handler.alias.alias_name}"
    shift = iam.PolicyStatement(
        actions=["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
        resources=[function, alias],
    )
    return iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"),
        # In the role itself, so it has them from the start.
        inline_policies={"Shift": iam.PolicyDocument(statements=[shift, alarms])},
    )
