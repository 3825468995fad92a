"""Decisions from values alone: no Django, no clock, no chance, no I/O."""
