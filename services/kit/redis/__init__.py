"""The Redis Cluster as a service uses it; knows resilience, telemetry, problems and settings."""
