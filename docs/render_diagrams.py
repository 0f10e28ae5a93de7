"""Draws the diagrams of the documentation as SVG files.

    python docs/render_diagrams.py

writes them to docs/images. They are narrow, to be read on a telephone, and follow the
reader's system into the dark.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

IMAGES = Path(__file__).parent / "images"

WIDTH, MARGIN, GAP = 480, 12, 14  # pixels
LINE, PADDING, ARROW = 17, 10, 34
LETTER = 7.3  # the average of the widest fonts at this size
INK, FAINT, PAPER, EDGE = "#16191f", "#5f6b7a", "#ffffff", "#98a3b0"
FILLS = {"": "#f4f6f8", "ours": "#e3e8fb", "good": "#dff3e4", "bad": "#fbe3e1"}

# The same colors where the reader's system is dark. A style sheet takes precedence over the attributes.
_DARK = {
    "ink": "#eceff4",
    "faint": "#a7b1be",
    "paper": "#1c2026",
    "edge": "#566070",
    "box": "#272c34",
    "box-ours": "#2c3768",
    "box-good": "#1f4a2e",
    "box-bad": "#5c2724",
}
_STYLE = (
    "<style>@media (prefers-color-scheme: dark) {"
    + "".join(f".{name} {{ fill: {color} }} " for name, color in _DARK.items())
    + f".box, .box-ours, .box-good, .box-bad {{ stroke: {_DARK['edge']} }} "
    + f".line {{ stroke: {_DARK['faint']} }} }}</style>"
)


@dataclass(frozen=True, slots=True)
class Box:
    """A named thing and its description."""

    title: str
    text: str = ""
    kind: str = ""

    def lines(self, width: float) -> list[tuple[str, bool]]:
        """Return the lines that fit the width, and whether each is of the title."""
        letters = int((width - 2 * PADDING) / LETTER)
        return [
            *(
                (line, True)
                for line in textwrap.wrap(self.title, int(letters * 0.92), break_long_words=False)
            ),
            *(
                (line, False)
                for part in self.text.split("\n")
                for line in textwrap.wrap(part, letters, break_long_words=False)
            ),
        ]


@dataclass(frozen=True, slots=True)
class Row:
    """Boxes next to each other.

    Attributes:
        boxes: The boxes.
        leads: Whether arrows lead on: ``down`` to the next row, ``across`` from each box to the next one, or neither.
        label: The text next to the arrow down.
    """

    boxes: tuple[Box, ...] = field(default=())
    leads: str = "down"
    label: str = ""

    def widths(self) -> float:
        """Return the width of each box."""
        gap = ARROW if self.leads == "across" else GAP
        return (WIDTH - 2 * MARGIN - gap * (len(self.boxes) - 1)) / len(self.boxes)

    def lefts(self) -> list[float]:
        """Return where the boxes begin."""
        gap = ARROW if self.leads == "across" else GAP
        return [MARGIN + number * (self.widths() + gap) for number in range(len(self.boxes))]

    def height(self) -> float:
        """Return the height of the highest box."""
        return max(len(box.lines(self.widths())) for box in self.boxes) * LINE + 2 * PADDING


def diagram(title: str, rows: list[Row]) -> str:
    """Return an SVG of rows below each other."""
    parts: list[str] = []
    top = float(MARGIN)
    for number, row in enumerate(rows):
        middle = top + row.height() / 2
        for box, left in zip(row.boxes, row.lefts(), strict=True):
            parts += _box(box, left, top, row.widths(), row.height())
        if row.leads == "across":
            parts += [_arrow(left - ARROW, middle, left, middle) for left in row.lefts()[1:]]
        top += row.height()
        if number == len(rows) - 1:
            break
        if row.leads == "down":
            parts += _arrows_down(row, rows[number + 1], top)
        top += ARROW if row.leads == "down" else GAP
    height = top + MARGIN
    return _svg(title, parts, width=WIDTH, height=height)


def _svg(title: str, parts: list[str], *, width: float, height: float) -> str:
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
                f'height="{height:g}" font-family="system-ui, sans-serif" font-size="13" role="img">'
            ),
            f"<title>{escape(title)}</title>",
            _STYLE,
            (
                '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
                f'orient="auto-start-reverse"><path class="faint" d="M0 0L8 4L0 8z" fill="{FAINT}"/></marker></defs>'
            ),
            f'<rect class="paper" width="{width:g}" height="{height:g}" rx="8" fill="{PAPER}"/>',
            *parts,
            "</svg>\n",
        ]
    )


def architecture() -> str:
    """Return the picture of README: what a connection passes, and where the handler's facts come from."""
    width, height, gap_across, gap_down = 176.0, 94.0, 44.0, 52.0
    grid = [
        [
            Box("User", "with a VPN client on a laptop or telephone"),
            Box("AWS Client VPN", "the endpoint, before your network"),
            Box("Identity provider", "SAML, Active Directory, certificates"),
        ],
        [
            Box("Cedar policies", "in your repository, tested, deployed by the CDK", "ours"),
            Box("Client connect handler", "a Lambda function: permit, or deny with a message", "ours"),
            Box("Decision records", "logs, alarms, dashboard, replay, help desk", "ours"),
        ],
        [
            Box("Device manager", "Intune, Jamf Pro, Fleet, Iru, CrowdStrike, JumpCloud"),
            Box("Device inventory", "devices, waivers and blocks in DynamoDB", "ours"),
            Box("Re-authorizer", "decides open connections again, ends denied ones", "ours"),
        ],
    ]
    lefts = [MARGIN + column * (width + gap_across) for column in range(3)]
    tops = [MARGIN + row * (height + gap_down) for row in range(3)]
    parts = [
        part
        for top, boxes in zip(tops, grid, strict=True)
        for left, box in zip(lefts, boxes, strict=True)
        for part in _box(box, left, top, width, height)
    ]
    rights = [left + width for left in lefts]
    middles = [top + height / 2 for top in tops]
    center = lefts[1] + width / 2
    parts += [
        _arrow(rights[0], middles[0], lefts[1], middles[0]),
        _arrow(rights[1], middles[0], lefts[2], middles[0], both=True),
        _arrow(rights[0], middles[1], lefts[1], middles[1]),
        _arrow(rights[1], middles[1], lefts[2], middles[1]),
        _arrow(rights[0], middles[2], lefts[1], middles[2]),
        _arrow(center, tops[0] + height, center, tops[1], both=True),
        _arrow(center, tops[2], center, tops[1] + height),
        _arrow(lefts[2], tops[2], rights[1], tops[1] + height, both=True),
    ]
    parts += [
        _label("may this client connect?", center - 10, tops[0] + height + 30, "end"),
        _label("yes, or no and why", center + 10, tops[0] + height + 30, "start"),
        _label("facts", center - 10, tops[1] + height + 30, "end"),
    ]
    return _svg(
        "How a connection is decided", parts, width=rights[2] + MARGIN, height=tops[2] + height + MARGIN
    )


def _label(text: str, x: float, y: float, anchor: str) -> str:
    return (
        f'<text class="faint" x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{FAINT}">{escape(text)}</text>'
    )


def _box(box: Box, left: float, top: float, width: float, height: float) -> list[str]:
    lines = box.lines(width)
    first = top + (height - len(lines) * LINE) / 2 + 13
    return [
        (
            f'<rect class="{"-".join(filter(None, ("box", box.kind)))}" x="{left:g}" y="{top:g}" width="{width:g}" '
            f'height="{height:g}" rx="6" fill="{FILLS[box.kind]}" stroke="{EDGE}"/>'
        ),
        *(
            f'<text class="{"ink" if bold else "faint"}" x="{left + width / 2:g}" '
            f'y="{first + number * LINE:g}" text-anchor="middle" '
            f'fill="{INK if bold else FAINT}"{" font-weight=" + chr(34) + "600" + chr(34) if bold else ""}>'
            f"{escape(line)}</text>"
            for number, (line, bold) in enumerate(lines)
        ),
    ]


def _arrows_down(row: Row, below: Row, top: float) -> list[str]:
    most = max(row, below, key=lambda each: len(each.boxes))
    centres = [left + most.widths() / 2 for left in most.lefts()]
    parts = [_arrow(x, top, x, top + ARROW) for x in centres]
    if row.label:
        parts.append(_label(row.label, centres[0] + 10, top + 21, "start"))
    return parts


def _arrow(x1: float, y1: float, x2: float, y2: float, *, both: bool = False) -> str:
    start = 'marker-start="url(#tip)" ' if both else ""
    return (
        f'<line class="line" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{FAINT}" stroke-width="1.5" '
        f'{start}marker-end="url(#tip)"/>'
    )


DIAGRAMS = {
    "architecture": architecture(),
    "way": diagram(
        "The way of the data: from the event to the response, the record, alarms and notifications",
        [
            Row(
                (Box("Client VPN", "somebody has authenticated and wants to connect"),),
                label="event, as JSON",
            ),
            Row((Box("ConnectionRequest", "checked and typed; schema versions v1, v2, v3", "ours"),)),
            Row(
                (
                    Box("request", "user, groups, device, platform, address"),
                    Box("clock", "in the handler's time zone"),
                    Box("tables, your module", "device, waivers, connections, what you know"),
                )
            ),
            Row(
                (Box("Facts", "everything that a decision depends on", "ours"),),
                label="principal, context, resource",
            ),
            Row(
                (Box("Authorizer", "your Cedar policies, parsed once at cold start", "ours"),),
                label="Decision",
            ),
            Row(
                (
                    Box("response", "allow or not, a message, posture statuses", "ours"),
                    Box("record", "one line of JSON in the log, with its metrics", "ours"),
                )
            ),
            Row(
                (
                    Box("Client VPN", "lets the client in, or shows it the message"),
                    Box(
                        "alarms, notifications, replay",
                        "metrics raise alarms; each denial makes an event; a new policy is tried on past connections",
                    ),
                )
            ),
        ],
    ),
    "constructs": diagram(
        "What the constructs define",
        [
            Row(
                (Box("Client VPN endpoint", "yours, in this app or elsewhere"),),
                label="is given the ARN of the alias",
            ),
            Row(
                (
                    Box(
                        "ClientConnectHandler",
                        "function · version · alias live · provisioned concurrency\n"
                        "role · log group · service-linked role, if it is missing",
                        "ours",
                    ),
                ),
                label="asks and tells",
            ),
            Row(
                (
                    Box("DeviceInventory", "a table of devices, a table of waivers", "ours"),
                    Box("ConnectionRegistry", "a table of the connections that were allowed", "ours"),
                ),
                leads="",
            ),
            Row(
                (
                    Box(
                        "ConnectionReauthorizer",
                        "a function that decides open connections again and ends those that are denied",
                        "ours",
                    ),
                    Box(
                        "DeviceSync",
                        "a function that keeps the table of devices as a device manager has it",
                        "ours",
                    ),
                ),
                leads="",
            ),
            Row(
                (
                    Box(
                        "ConnectionMonitoring",
                        "alarms · dashboard · saved queries · metric of failed connections · a function that "
                        "announces denials",
                        "ours",
                    ),
                    Box(
                        "GradualDeployment",
                        "CodeDeploy shifts the alias to a new version, and back on alarms",
                        "ours",
                    ),
                ),
                leads="",
            ),
            Row(
                (
                    Box(
                        "EndpointAttachment",
                        "a function that turns the handler on at an endpoint by its id",
                        "ours",
                    ),
                    Box("EndpointAuthorizationPolicy", "properties of the endpoint; nothing to run", "ours"),
                ),
                leads="",
            ),
        ],
    ),
    "connection": diagram(
        "Where the handler stands when a client connects",
        [
            Row((Box("A client connects"),)),
            Row((Box("Client VPN authenticates it", "by certificate, directory or SAML"),)),
            Row((Box("The handler decides", "Client VPN waits for it, at most 30 seconds", "ours"),)),
            Row(
                (
                    Box("allowed", "authorization rules say which networks it reaches", "good"),
                    Box("denied", "the client shows the handler's message", "bad"),
                )
            ),
        ],
    ),
    "facts": diagram(
        "Where facts come from",
        [
            Row(
                (
                    Box("Client VPN", "user, groups, common name"),
                    Box("request", "checked by the service", "ours"),
                ),
                "across",
            ),
            Row(
                (
                    Box("the device", "platform, versions"),
                    Box("request", "can be forged by its user", "ours"),
                ),
                "across",
            ),
            Row((Box("the clock"), Box("context.time", "weekday and minute, in one zone", "ours")), "across"),
            Row(
                (
                    Box("DeviceInventory"),
                    Box("context.device", "and waivers; or that it is unavailable", "ours"),
                ),
                "across",
            ),
            Row((Box("ConnectionRegistry"), Box("context.activeConnections", "or absent", "ours")), "across"),
            Row(
                (
                    Box("ExtraFacts", "a module of yours"),
                    Box("context.custom", "or that it is unavailable", "ours"),
                ),
                "across",
            ),
        ],
    ),
    "decision": diagram(
        "A decision: the first line that holds",
        [
            Row(
                (Box("a policy errs"), Box("denied", "with a message; a record of level ERROR", "bad")),
                "across",
            ),
            Row(
                (Box("a forbid applies"), Box("denied", "with the messages of the forbids", "bad")), "across"
            ),
            Row((Box("no permit applies"), Box("denied", "with the default message", "bad")), "across"),
            Row(
                (Box("a permit applies"), Box("allowed", "with the statuses of the permits", "good")),
                "across",
            ),
        ],
    ),
    "fail-closed": diagram(
        "What goes wrong, and what the client gets",
        [
            Row((Box("malformed event"), Box("denied", "with a message; ERROR record", "bad")), "across"),
            Row((Box("a policy errs"), Box("denied", "with a message; ERROR record", "bad")), "across"),
            Row(
                (Box("too little time left"), Box("denied", "with a message; ERROR record", "bad")), "across"
            ),
            Row(
                (Box("a table is down"), Box("a fact", "the policies decide; the shipped rules deny")),
                "across",
            ),
            Row(
                (
                    Box("the function cannot answer"),
                    Box("denied", "by Client VPN, in its words; its metrics tell", "bad"),
                ),
                "across",
            ),
        ],
    ),
    "shadow": diagram(
        "Shadow mode of one policy and of the handler",
        [
            Row(
                (
                    Box("@shadow", "on one policy"),
                    Box("evaluated and recorded", "not enforced; the others are"),
                ),
                "across",
            ),
            Row(
                (
                    Box("shadow_mode=True", "on the handler"),
                    Box("decided and recorded", "always allowed", "good"),
                ),
                "across",
            ),
        ],
    ),
    "alias": diagram(
        "The alias and the environments that are kept ready",
        [
            Row((Box("Client VPN endpoint"),)),
            Row(
                (
                    Box("alias live", "its ARN is the default", "ours"),
                    Box("unqualified ARN", "FunctionReference.UNQUALIFIED"),
                )
            ),
            Row(
                (
                    Box("published version", "environments are ready: 2 by default", "good"),
                    Box("$LATEST", "provisioned concurrency never applies"),
                )
            ),
        ],
    ),
}


def main() -> None:
    """Write the files."""
    for name, svg in DIAGRAMS.items():
        (IMAGES / f"{name}.svg").write_text(svg, "utf-8")


if __name__ == "__main__":
    main()
