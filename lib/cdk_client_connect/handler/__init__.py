"""The client connect handler."""
