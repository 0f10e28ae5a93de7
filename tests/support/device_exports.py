"""Exports of device managers, in the form that they have in public."""

from __future__ import annotations

_HEADER = (
    "Device ID,Device name,Last check-in,Microsoft Entra Device ID,OS version,Serial number,Primary user UPN"
)
INTUNE = f"""{_HEADER},Compliance,OS
1,LAPTOP-17,2026-11-29 07:30:11.0000000,AA-1,10.0.22631.4460,SN1,bob@example.com,Compliant,Windows
2,LAPTOP-18,2026-11-28 07:30:11.0000000,AA-2,10.0.19045.3570,SN2,eve@example.com,Noncompliant,Windows
3,MACBOOK-3,0001-01-01 00:00:00.0000000,AA-3,15.1 (24B83),SN3,eve@example.com,InGracePeriod,macOS
4,PHONE-4,Never,AA-4,,SN4,,Not evaluated,iOS
"""
JAMF = """Computer Name,Serial Number,Last Check-in,Operating System Version,Full Name
MAC-1,SN9,2026-11-29 08:01:12,15.1.0,Bob
"""
FLEET = """hardware_serial,seen_time,os_version,issues
SN1,2026-11-29T07:30:11Z,macOS 14.5,0
SN2,2026-11-29T07:30:11Z,CentOS Linux 7,3
"""
