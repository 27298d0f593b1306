"""HTTP in and out: requests, clients, caching; knows cache, lifecycle, resilience, telemetry, problems and settings."""
