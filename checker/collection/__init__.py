"""Targets to records: which calls are made, of whom, how fast, and what of them earlier runs have already."""
