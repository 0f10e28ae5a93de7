"""Staff and contractors may connect; contractors at office hours only, and not on public holidays."""

from client_connect_tools import Hours, Rules, Scope

# Public holidays of 2027 in all of Germany; add those of your state.
HOLIDAYS = [
    *("2027-01-01", "2027-03-26", "2027-03-29", "2027-05-01", "2027-05-06"),
    *("2027-05-17", "2027-10-03", "2027-12-25", "2027-12-26"),
]

rules = [
    Rules(groups=["staff", "contractors"]),
    Rules(
        hours=[Hours(["mon", "tue", "wed", "thu", "fri"], "08:00", "18:00")],
        closed_on=HOLIDAYS,
        messages={
            "hours": "Contractors may connect Monday to Friday, 08:00 to 18:00.",
            "closed-on": "Contractors may not connect on public holidays.",
        },
        scope=Scope("contractors", groups=["contractors"]),
    ),
]
