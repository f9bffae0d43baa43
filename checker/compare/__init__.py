"""Two runs and many: what changed and why, how numbers went, and what time alone will change."""
