"""Pings an IPv4 address ten times a second and prints a line for each answer; not every machine has ``ping``."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
import time

_ECHO, _ECHO_REPLY = 8, 0
_SECONDS = 0.1
_HEADER = 20  # bytes of IPv4 before the message


def _message(number: int) -> bytes:
    identity = os.getpid() & 0xFFFF
    sums = (_ECHO << 8) + identity + number
    while sums >> 16:
        sums = (sums & 0xFFFF) + (sums >> 16)
    return struct.pack("!BBHHH", _ECHO, 0, ~sums & 0xFFFF, identity, number)


def main(address: str) -> None:
    """Ping until this is ended."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sender:
        sender.settimeout(_SECONDS)
        number = 0
        while True:
            number = (number + 1) & 0xFFFF
            with contextlib.suppress(OSError):  # no answer in time, or no way to the address
                sender.sendto(_message(number), (address, 0))
                answer, _ = sender.recvfrom(1024)
                if answer[_HEADER] == _ECHO_REPLY:
                    print(number, flush=True)
            time.sleep(_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1])
