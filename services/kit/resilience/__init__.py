"""What protects a service from those behind it; knows telemetry, problems and settings."""
