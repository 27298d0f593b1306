"""Alert rules, runbooks and their promtool cases; `python -m alerts.lint` checks them."""
