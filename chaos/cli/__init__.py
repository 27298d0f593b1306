"""The command line: arguments, progress of commands, and the only place where all rooms meet."""
