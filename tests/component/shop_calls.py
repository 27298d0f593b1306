"""What several tests ask of a shop."""

import time

import httpx

_PAUSES_SECONDS = (0.1, 0.5, 1.0)


class Patient(httpx.BaseTransport):
    """Sends again what was answered 503, as that answer says; after three times it is the answer.

    A shop waits a second for Postgres and less for Redis, so that a machine that others use as well now and then makes
    it refuse what it would have served. What is refused by mistake is refused each time.
    """

    def __init__(self):
        self._transport = httpx.HTTPTransport()

    def handle_request(self, request):
        request.read()
        for pause in _PAUSES_SECONDS:
            response = self._transport.handle_request(request)
            if response.status_code != 503:
                return response
            response.close()
            print(f"{request.method} {request.url}: 503, sent again")
            time.sleep(pause)
        return self._transport.handle_request(request)

    def close(self):
        self._transport.close()


def patient(base_url, **options):
    """A client that comes again; for whatever may be asked twice, as all may that has a key or sets a number."""
    return httpx.Client(base_url=base_url, transport=Patient(), timeout=10, **options)


def open_session(client):
    response = client.post("/sessions")
    assert response.status_code == 201, response.text
    return response


def kind(response):
    return response.status_code, response.json()["type"].removeprefix("urn:stormdrill:problem:")
