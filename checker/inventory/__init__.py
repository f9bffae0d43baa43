"""Stage 2: targets -> evidence."""
