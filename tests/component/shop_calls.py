"""What several tests ask of a shop."""


def open_session(client):
    response = client.post("/sessions")
    assert response.status_code == 201, response.text
    return response


def kind(response):
    return response.status_code, response.json()["type"].removeprefix("urn:stormdrill:problem:")
