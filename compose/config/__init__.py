"""What programs and the attacker are told: commands, environment and files; it may write files, and starts nothing."""
