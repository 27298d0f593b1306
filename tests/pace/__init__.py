"""Slow paces, in real hours."""
