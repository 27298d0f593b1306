"""Faults in words: their fields, whom they aim at, what they blind. Pure; what is done is in chaos/faults."""
