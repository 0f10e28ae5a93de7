"""Why a run did not complete. No message ever contains a credential or the content of an answer."""

from __future__ import annotations


class SyncFailed(Exception):
    """A run did not complete; the inventory keeps its last state."""


class InvalidSettings(SyncFailed):
    """The settings cannot be used; the message lists everything that is wrong."""


class InvalidSecret(SyncFailed):
    """The secret cannot be read, or lacks a key."""


class CredentialsRejected(SyncFailed):
    """The device manager refuses the credentials, or they lack a permission."""


class ManagerUnavailable(SyncFailed):
    """The device manager cannot be reached, fails or throttles for longer than a run may wait."""


class UnexpectedAnswer(SyncFailed):
    """An answer is not what the device manager documents, such as a page of HTML."""


class IncompleteList(SyncFailed):
    """The list of devices is not complete: a page repeats, or the total differs."""


class OutOfTime(SyncFailed):
    """The run's time is used up."""


class RunInProgress(SyncFailed):
    """Another run of the same source holds the lock."""
