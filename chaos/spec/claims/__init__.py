"""What people write of a claim about the system: its hypothesis, its load, its bounds."""
