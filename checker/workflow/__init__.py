"""An audit from its options to its result, and what else is done with whole runs."""
