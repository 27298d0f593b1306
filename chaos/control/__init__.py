"""How the processes of a target are stopped, started and looked at: one port, and one file for each manager."""
