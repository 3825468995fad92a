"""Conversions that happened elsewhere: from the lines of a file to events of the outbox."""
