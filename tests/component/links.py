"""What is seen of a link between two ports: whether it answers, how soon, and what becomes of a connection."""

import socket
import time

LATE_SECONDS = 0.2
GIVE_UP_SECONDS = 2.0


def connected(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=GIVE_UP_SECONDS)
    connection.settimeout(GIVE_UP_SECONDS)
    return connection


def echo_seconds(connection, data=b"x"):
    """How long the answer took; raises TimeoutError, or ConnectionError when it was cut."""
    began, left = time.monotonic(), len(data)
    connection.sendall(data)
    while left:
        received = len(connection.recv(65536))
        if not received:
            raise ConnectionResetError("closed")
        left -= received
    return time.monotonic() - began


def what_becomes_of(connection):
    try:
        echo_seconds(connection)
    except TimeoutError:
        return "silence"
    except ConnectionError:
        return "cut"
    return "answer"


def spared(port):
    """A connection through which an answer came."""
    while what_becomes_of(connection := connected(port)) == "cut":
        connection.close()
    return connection


def quickest(connection):
    """The best of some answers: a busy machine delays one now and then, a toxic delays them all."""
    return min(echo_seconds(connection) for _ in range(5))


def works(port):
    with connected(port) as connection:
        return quickest(connection) < LATE_SECONDS
