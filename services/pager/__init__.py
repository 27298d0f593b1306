"""The receiver of Alertmanager's webhooks and the dead-man's switch."""
