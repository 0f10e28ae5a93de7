"""Check that metrics can be made of a log group in the final template."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_logs as logs

from cdk_client_connect.final_templates._templates import Deviation, check_templates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cdk_client_connect.final_templates._templates import Templates


def check_log_group(owner: str, log_group: logs.ILogGroup) -> None:
    """Have the class of a log group checked in the final template, unless the log group is an imported one."""
    resource = log_group.node.default_child
    if not isinstance(resource, logs.CfnLogGroup):
        return
    defined = resource.log_group_class

    def check(templates: Templates) -> Iterator[Deviation]:
        found = (templates.properties(resource) or {}).get("LogGroupClass") or "STANDARD"
        if isinstance(found, str) and found not in {"STANDARD", defined}:
            yield Deviation(
                rule="changedLoggingConfig",
                resource=resource,
                location="Properties.LogGroupClass",
                found=f"the log group of {owner} is of the class {found} in the template: CloudWatch Logs makes no "
                "metrics of it and it has no subscriptions, so alarms would never go off; an Aspect or an "
                "override did this",
                fix="exclude the log group from it, or give log_group= if you need neither metrics nor alarms",
            )

    check_templates(log_group, check)
