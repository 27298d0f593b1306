"""The judge: a verdict from a recording alone. Pure: no clock, no network, no file."""
