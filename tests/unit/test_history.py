"""The clean past: healthy traffic only, and every counter ends where the real one goes on."""

from compose.history import HISTORY_SECONDS, healthy_history

EXPOSITION = """\
# TYPE haproxy_frontend_http_responses_total counter
haproxy_frontend_http_responses_total{proxy="shop",code="2xx"} 1000
haproxy_frontend_http_responses_total{proxy="shop",code="5xx"} 7
haproxy_frontend_bytes_in_total{proxy="shop"} 5
"""


def test_only_successes_were_counted_and_counters_go_on():
    rows = [line.split(" ") for line in healthy_history(EXPOSITION, "haproxy", 5000.0).splitlines() if line[0] != "#"]
    series = {name: [(float(at), float(value)) for key, value, at in rows if key == name] for name, _, _ in rows}
    good, bad = sorted(series)
    assert 'code="2xx"' in good
    assert all('instance="haproxy",job="haproxy"' in name for name in series)
    assert {value for _, value in series[bad]} == {7.0}
    values = [value for _, value in series[good]]
    assert values == sorted(values)
    assert values[-1] < 1000
    assert [series[good][0][0], series[good][-1][0]] == [5000 - HISTORY_SECONDS, 4999]
