"""Who watches a run: one observer for each source, and the one poller that asks them and writes facts."""
