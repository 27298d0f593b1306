"""Reports: pure functions from a verdict to text, one form a file."""
