"""How a process starts, works beside its requests and drains; knows problems, and telemetry by name only."""
