"""Metrics, alarms, the dashboard and notifications."""
