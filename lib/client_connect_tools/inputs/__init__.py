"""What people write: names, times, versions, messages, devices."""
