"""Grafana dashboards: one JSON file each, made by `dashboards.generator`."""
