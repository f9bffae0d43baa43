"""Waivers: their file and its schema, what they are held to, how they stand in a run, and how one is added."""
