"""All observations, in the order of a run, and all claims."""

from __future__ import annotations

from acceptance.checks import (
    clients,
    endpoint,
    events,
    functions,
    monitoring,
    native,
    reauthorization,
    removal,
    role,
    rollback,
    rollout,
)

OBSERVATIONS = (
    *role.OBSERVATIONS,
    *endpoint.OBSERVATIONS,
    *clients.OBSERVATIONS,
    *functions.OBSERVATIONS,
    *monitoring.OBSERVATIONS,
    *reauthorization.OBSERVATIONS,
    endpoint.DETACHED,
    *rollback.OBSERVATIONS,
    *rollout.OBSERVATIONS,
    *native.OBSERVATIONS,
    monitoring.ALARMS,
    *events.OBSERVATIONS,
    *removal.OBSERVATIONS,
)
CLAIMS = (
    *role.CLAIMS,
    *endpoint.CLAIMS,
    *clients.CLAIMS,
    *functions.CLAIMS,
    *monitoring.CLAIMS,
    *reauthorization.CLAIMS,
    *rollback.CLAIMS,
    *rollout.CLAIMS,
    *native.CLAIMS,
    *events.CLAIMS,
    *removal.CLAIMS,
)
