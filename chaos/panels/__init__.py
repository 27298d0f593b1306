"""Dashboards as data: their panels, what Grafana would ask Prometheus for each, and whether the answer shows something.

Pure but for reading the folder of JSON files; nothing here knows the stack.
"""
