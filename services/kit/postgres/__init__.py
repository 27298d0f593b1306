"""Postgres as a service uses it, bounded, measured and traced; knows resilience, telemetry, problems and settings."""
