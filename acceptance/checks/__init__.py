"""All observations, in the order in which a run makes them, and all claims."""

from __future__ import annotations

from acceptance.checks import clients, endpoint, events, reauthorization, removal, role

OBSERVATIONS = (
    *role.OBSERVATIONS,
    *endpoint.OBSERVATIONS,
    *clients.OBSERVATIONS,
    *reauthorization.OBSERVATIONS,
    endpoint.DETACHED,
    *events.OBSERVATIONS,
    *removal.OBSERVATIONS,
)
CLAIMS = (
    *role.CLAIMS,
    *endpoint.CLAIMS,
    *clients.CLAIMS,
    *reauthorization.CLAIMS,
    *events.CLAIMS,
    *removal.CLAIMS,
)
