"""This machine: its clock, signals, the identity of processes, and what is saved on its disk. Knows errors only."""
