"""What people write: experiments, targets, rules, dashboards, durations and bounds. Pure: it reads files only."""
