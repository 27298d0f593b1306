"""Problems are called the same whatever Python runs the services or wrote HAProxy's file: clients know them by name."""

import json

from compose.config import haproxy
from services.kit import problems

# RFC 9110's; Python 3.11 and 3.12 have RFC 7231's.
RENAMED = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}


def test_the_services_use_the_names_of_rfc_9110():
    assert {status: problems.title(status) for status in RENAMED} == RENAMED
    assert problems.title(404) == "Not Found"


def test_haproxy_uses_the_services_names():
    for status, body in haproxy.problems().items():
        assert json.loads(body)["title"] == problems.title(status)
    assert json.loads(haproxy.problems()[413])["type"] == problems.TYPE_PREFIX + "content-too-large"
