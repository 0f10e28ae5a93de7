"""The sync of a device manager with the device inventory; runs in Lambda, and as a dry run on a laptop.

Needs the standard library alone, and boto3 where it reads a secret or a table.
"""

from client_connect_devices.errors import SyncFailed

__all__ = ["SyncFailed"]
