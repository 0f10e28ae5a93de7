"""At most two connections of a user at once; administrators have no limit."""

from client_connect_tools import Rules, Scope

rules = Rules(connections_per_user=2, scope=Scope("limit", except_groups=["admins"]))
