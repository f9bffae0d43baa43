"""Policies prove themselves: the tests written inside rules."""
