"""Twenty policies such as a company may have: they read nearly everything that a policy can see."""

from __future__ import annotations

TWENTY = """
@id("authenticated") permit (principal, action, resource);
@id("minimum-windows") forbid (principal, action, resource)
when { context.platform == "win" && context has os && context.os.major < 10 };
@id("minimum-build") forbid (principal, action, resource)
when { context has os && context.os has build && context.os.build < 19045 }
unless { context.waivers.contains("minimum-build") };
@id("platforms") forbid (principal, action, resource)
unless { ["win", "mac", "linux", "ios"].contains(context.platform) };
@id("minimum-openvpn") forbid (principal, action, resource)
when { context has openvpn && context.openvpn.major < 3 }
unless { context.openvpn.major == 2 && context.openvpn.minor >= 5 };
@id("contractor-hours") forbid (principal in ClientVpn::Group::"contractors", action, resource)
unless { context.time.weekday <= 5 && context.time.minuteOfDay >= 420 && context.time.minuteOfDay < 1140 };
@id("maintenance") forbid (principal, action, resource)
when { context.time.now >= datetime("2026-11-14T22:00:00Z") && context.time.now < datetime("2026-11-15T02:00:00Z") }
unless { principal in ClientVpn::Group::"admins" };
@id("admins-on-known-platforms") forbid (principal in ClientVpn::Group::"admins", action, resource)
unless { context.platform == "win" || context.platform == "linux" };
@id("finance-devices") forbid (principal in ClientVpn::Group::"finance", action, resource)
unless { context has commonName && context.commonName like "laptop-*" };
""" + "\n".join(
    [
        *(
            f'@id("network-{number}") forbid (principal, action, resource) '
            f'when {{ context.publicIp.isInRange(ip("198.51.{number}.0/26")) }};'
            for number in range(98, 103)
        ),
        *(
            f'@id("person-{number}") forbid (principal, action, resource) '
            f'when {{ context has username && context.username == "user{number:05d}@example.com" }};'
            for number in (7, 42, 99)
        ),
        *(
            f'@id("lost-{name}") forbid (principal, action, resource) '
            f'when {{ context has commonName && context.commonName == "{name}" }};'
            for name in ("laptop-00013", "laptop-00666", "laptop-01234")
        ),
    ]
)
