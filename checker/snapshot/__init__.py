"""Answers to typed tables: records, recorded answers, the rows of image sets, versions and data stores, history."""
