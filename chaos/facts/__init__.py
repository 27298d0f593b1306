"""What was seen: the facts of a run, and the recording that holds them. Pure."""
