"""etcd's users: each writes a key to a member and, as etcd's clients do, to the next one where that does not answer."""

import base64
import itertools
import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request

FACTS = os.open(os.environ["STORMDRILL_LOAD_FILE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
ORIGIN = float(os.environ["STORMDRILL_ORIGIN"])
RATE, TIMEOUT = float(os.environ["STORMDRILL_RATE"]), float(os.environ["STORMDRILL_TIMEOUT_SECONDS"])
ENDS_BY = time.monotonic() + float(os.environ["STORMDRILL_MAX_SECONDS"])
PORTS = [int(os.environ["PORT"]) + 2 * number for number in (1, 2, 3)]
ending = threading.Event()
counts = {"started": 0, "finished": 0}
lock = threading.Lock()
keys = itertools.count()


def write(fact):
    os.write(FACTS, json.dumps(fact).encode() + b"\n")


def put(number):
    """The status that the first member gives which answers well, within the user's patience."""
    key = base64.b64encode(f"key-{number % 100}".encode()).decode()
    body = json.dumps({"key": key, "value": base64.b64encode(str(number).encode()).decode()}).encode()
    until, failed = time.monotonic() + TIMEOUT, "nobody answers"
    for port in PORTS[number % 3 :] + PORTS[: number % 3]:
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{port}/v3/kv/put", body)
            with urllib.request.urlopen(request, timeout=min(left, TIMEOUT / 2)) as answer:
                answer.read()
                return answer.status, None
        except urllib.error.HTTPError as answer:
            failed = f"HTTP {answer.code}"
        except OSError as failure:
            failed = type(failure).__name__
    return None, failed


def request(number):
    began = time.monotonic()
    status, error = put(number)
    with lock:
        counts["finished"] += 1
    fact = {"at": began - ORIGIN, "took": time.monotonic() - began, "name": "PUT key", "status": status}
    write(fact | {"ok": error is None, "error": error, "served_by": None})


def tick(due):
    with lock:
        fact = {"tick": due - ORIGIN, "users": threading.active_count() - 1, **counts, "lag": time.monotonic() - due}
        counts.update(started=0, finished=0)
    write(fact)


for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: ending.set())
write({"start": time.monotonic() - ORIGIN})
due = next_tick = time.monotonic()
while not ending.wait(max(0.0, due - time.monotonic())) and due < ENDS_BY:
    if due >= next_tick + 1:
        next_tick += 1
        tick(next_tick)
    with lock:
        counts["started"] += 1
    threading.Thread(target=request, args=(next(keys),)).start()
    due += 1 / RATE
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(TIMEOUT + 1)
write({"end": "SIGTERM" if ending.is_set() else "max_duration", "at": time.monotonic() - ORIGIN})
