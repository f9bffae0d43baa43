"""Rules and evidence to findings. Pure: no AWS, no clock, same input, same result."""
