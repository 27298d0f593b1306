"""Measures claims about the system, one after the other: what acts, and writes down what it saw."""
