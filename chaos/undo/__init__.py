"""Putting back what a run changed: the journal, the lease, the watchdog. It may use faults, and knows no verdict."""
