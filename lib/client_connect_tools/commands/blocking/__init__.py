"""``client-connect block``, ``unblock``, ``blocks`` and ``cut``: to keep somebody out, now."""
