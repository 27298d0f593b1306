"""What the commands do, one concept a file; `chaos/cli.py` gives them what they need of our own stack."""
