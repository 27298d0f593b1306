"""The files of a run's folder, by name: who writes them and who reads them need know no more of each other."""

FACTS_FILE = "recording.ndjson"
EXPERIMENT_FILE = "experiment.yaml"
READ_BACK_FILE = "read_back.ndjson"
SESSIONS_BACK_FILE = "sessions_back.ndjson"
LOAD_FILE = "load.ndjson"
LEDGER_FILE = "orders.ndjson"
SESSIONS_FILE = "sessions.ndjson"
