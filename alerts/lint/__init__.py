"""Checks of alert rules, runbooks, promtool cases, dashboards and experiments against each other.

`problem.py` what is printed; `folder.py` reads all files; `promql.py` and `labels.py` look into expressions;
`expressions.py` judges rules one by one, `contract.py` all files together, `snapshot.py` what they read against
`series.yml`, which `series.py` writes from a running Prometheus; `tools.py` runs promtool and amtool.
"""
