"""What was seen, on disk: records of answers, and the snapshot that rules are evaluated over."""
