"""Input that people write: names, times, versions, messages, devices."""
