"""The stack as processes of this machine below one supervisord; nothing here knows of containers."""
