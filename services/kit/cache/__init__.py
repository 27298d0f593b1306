"""A cache of answers in memory and Redis; knows redis, resilience, telemetry, problems and settings."""
