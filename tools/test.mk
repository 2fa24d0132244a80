# Test targets.
