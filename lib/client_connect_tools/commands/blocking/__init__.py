"""``client-connect block``, ``unblock``, ``blocks`` and ``cut``: to keep a user or device out, now."""
