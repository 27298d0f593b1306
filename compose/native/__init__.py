"""The stack as processes of this machine below one supervisord: may start and end its own, and knows no containers."""
