import gzip
import logging
import os
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from django_vwo import transport
from django_vwo.dialects.base import Request
from django_vwo.transport import Answer, Timeouts, TransportError, send

from .collector import HANG, Collector, Reply

SECRET = "the-sdk-key"
QUICK = Timeouts(connect=0.5, read=0.4, total=0.8)


@pytest.fixture(autouse=True)
def no_connections_left() -> Iterator[None]:
    yield
    transport.forget_session()


def request(url: str, body: bytes = b'{"ev": []}') -> Request:
    return Request(
        method="POST",
        url=f"{url}/server-side/batch-events",
        query={"a": "1", "env": SECRET},
        headers={"Authorization": SECRET, "User-Agent": "django-vwo"},
        body=body,
    )


def test_a_request_arrives_as_it_was_meant(collector: Collector) -> None:
    answer = send(request(collector.url))

    received = collector.received[0]
    assert (answer.status, answer.body, answer.is_whole) == (200, b'{"status":"success"}', True)
    assert answer.headers["content-type"] == "application/json"
    assert (received.method, received.path) == ("POST", "/server-side/batch-events")
    assert received.query == {"a": "1", "env": SECRET}
    assert received.headers["authorization"] == SECRET
    assert received.headers["user-agent"] == "django-vwo"
    assert received.body == b'{"ev": []}'


def test_connections_are_kept(collector: Collector) -> None:
    before = threading.active_count()
    for _ in range(20):
        send(request(collector.url))

    assert collector.connections == 1
    assert threading.active_count() <= before + 1


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(HANG, id="silence"),
        pytest.param(Reply(drip_seconds=0.05), id="an answer drop by drop"),
        pytest.param(
            Reply(body=b"x" * 10_000, drip_seconds=0.0001, headers={"X": "y" * 9000}),
            id="an answer drop by drop, faster",
        ),
        pytest.param(Reply(before_seconds=0.35, drip_seconds=0.35), id="just within each read"),
    ],
)
def test_the_total_time_is_bounded(collector: Collector, reply: Reply) -> None:
    collector.script(reply)
    started = time.monotonic()

    with pytest.raises(TransportError) as caught:
        send(request(collector.url), timeouts=QUICK)

    assert time.monotonic() - started < 1.3
    assert str(caught.value).startswith("127.0.0.1: ")
    assert send(request(collector.url)).status == 200


def test_something_else_is_done_while_a_request_is_under_way(collector: Collector) -> None:
    collector.script(Reply(before_seconds=0.3))

    answer = send(
        request(collector.url), timeouts=QUICK, meanwhile=lambda: collector.got_one.wait(5)
    )

    assert collector.got_one.is_set()
    assert answer.status == 200


def test_an_answer_that_is_there_counts_however_long_something_else_took(
    collector: Collector,
) -> None:
    quick = Timeouts(connect=0.2, read=0.2, total=0.3)

    assert send(request(collector.url), timeouts=quick, meanwhile=lambda: time.sleep(0.5)).status


def test_a_request_is_cut_if_something_else_took_its_time(collector: Collector) -> None:
    collector.script(HANG)
    started = time.monotonic()

    with pytest.raises(TransportError, match="no whole answer within"):
        send(
            request(collector.url),
            timeouts=Timeouts(connect=5, read=5, total=2),
            meanwhile=lambda: time.sleep(1.9),
        )

    assert time.monotonic() - started < 3, "its deadline does not begin after something else"


def test_a_request_is_cut_if_something_else_fails(collector: Collector) -> None:
    collector.script(HANG)
    before = threading.active_count()

    with pytest.raises(ZeroDivisionError):
        send(request(collector.url), meanwhile=lambda: 1 / 0)

    end = time.monotonic() + 5
    while threading.active_count() > before + 1 and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() <= before + 1


def test_an_answer_cut_amid_its_headers_is_none(collector: Collector) -> None:
    """Python's HTTP client takes the end of the connection for the end of the headers."""
    collector.script(*[Reply(drip_seconds=0.02, headers={"X": "y" * 60})] * 10)
    for _ in range(10):
        with pytest.raises(TransportError, match="no whole answer"):
            send(request(collector.url), timeouts=Timeouts(total=0.6))


def test_a_cut_thread_ends(collector: Collector) -> None:
    collector.script(Reply(drip_seconds=0.1))
    with pytest.raises(TransportError, match=r"no whole answer within 0.8 seconds"):
        send(request(collector.url), timeouts=QUICK)

    for thread in threading.enumerate():
        if isinstance(thread, transport.Exchange):
            thread.join(2)
            assert not thread.is_alive()


def test_a_peer_that_does_not_read_is_cut() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        started = time.monotonic()
        with pytest.raises(TransportError):
            send(
                request(f"http://127.0.0.1:{deaf.getsockname()[1]}", b"x" * 20_000_000),
                timeouts=QUICK,
            )

    assert time.monotonic() - started < 1.5


def test_a_name_that_is_looked_up_for_long_is_cut_and_nothing_is_sent_late(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def slow(*args: object, **options: object) -> object:
        time.sleep(0.6)
        return look_up(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with pytest.raises(TransportError):
        send(request(collector.url), timeouts=Timeouts(connect=1, read=1, total=0.3))

    time.sleep(0.6)
    assert collector.received == []


FAILURES = [
    pytest.param("http://127.0.0.1:1", "refused", id="nobody listens"),
    pytest.param("http://nowhere.invalid", "ConnectionError", id="unknown host"),
    pytest.param("http://user:pass-word@127.0.0.1:1", "refused", id="password in the address"),
    pytest.param("http://", "InvalidURL", id="no host"),
    pytest.param("gopher://127.0.0.1", "InvalidSchema", id="unknown scheme"),
    pytest.param("http://[::1", "", id="no address"),
]


@pytest.mark.parametrize(("url", "told"), FAILURES)
def test_an_error_says_what_and_where_without_secrets(url: str, told: str) -> None:
    with pytest.raises(TransportError) as caught:
        send(request(url), timeouts=Timeouts(total=5))

    assert told in str(caught.value)
    for secret in (SECRET, "pass-word", "env="):
        assert secret not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.fixture
def no_threads() -> Iterator[None]:
    """Let no thread start: each would need a stack that no machine has room for."""
    before = threading.stack_size(2**47)
    yield
    threading.stack_size(before)


def test_where_no_thread_can_start_there_is_no_answer(no_threads: None) -> None:
    with pytest.raises(TransportError, match=r"127\.0\.0\.1: no thread can be started\."):
        send(request("http://127.0.0.1:9"))


def test_a_server_without_tls_is_told_apart(collector: Collector) -> None:
    with pytest.raises(TransportError, match="SSL"):
        send(request(collector.url.replace("http", "https")), timeouts=QUICK)


def test_nothing_is_logged_that_holds_a_secret(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    send(request(collector.url))
    with pytest.raises(TransportError):
        send(request("http://127.0.0.1:1"), timeouts=QUICK)

    assert SECRET not in caplog.text


def test_what_others_log_of_their_requests_is_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3.connectionpool").debug("GET /other")

    assert "GET /other" in caplog.text


def test_a_redirect_is_an_answer_and_its_body_is_not_read(collector: Collector) -> None:
    location = {"Location": f"{collector.url}/elsewhere"}
    collector.script(Reply(status=302, headers=location, body=b"x" * 1_000_000))

    answer = send(request(collector.url), body_bytes=10)

    assert (answer.status, answer.body) == (302, b"x" * 10)
    assert len(collector.received) == 1


def test_nothing_is_tried_twice(collector: Collector) -> None:
    collector.script(Reply(is_cut=True), Reply(status=503, headers={"Retry-After": "0"}))

    with pytest.raises(TransportError):
        send(request(collector.url))
    assert send(request(collector.url)).status == 503
    assert len(collector.received) == 2


def test_cookies_are_not_kept(collector: Collector) -> None:
    collector.script(Reply(headers={"Set-Cookie": "session=1; Path=/"}))
    send(request(collector.url))
    send(request(collector.url))

    assert "cookie" not in collector.received[1].headers


@pytest.mark.parametrize("size", [65_536, 65_537, 3_000_000])
def test_a_long_body_is_cut(collector: Collector, size: int) -> None:
    collector.script(Reply(body=b"x" * size))

    answer = send(request(collector.url))

    assert len(answer.body) == min(size, 65_536)
    assert answer.is_whole is (size <= 65_536)


def test_a_caller_can_ask_for_more(collector: Collector) -> None:
    collector.script(Reply(body=b"x" * 3_000_000))

    assert len(send(request(collector.url), body_bytes=4_000_000).body) == 3_000_000


@pytest.mark.parametrize(
    ("encoding", "compressed"),
    [
        ("gzip", gzip.compress(b"abc", mtime=0)),
        ("GZIP", gzip.compress(b"abc", mtime=0)),
        ("deflate", zlib.compress(b"abc")),
    ],
)
def test_a_body_is_decompressed(collector: Collector, encoding: str, compressed: bytes) -> None:
    collector.script(Reply(headers={"Content-Encoding": encoding}, body=compressed))

    assert send(request(collector.url)).body == b"abc"
    assert collector.received[0].headers["accept-encoding"] == "gzip"


def test_a_bomb_does_not_go_off(collector: Collector) -> None:
    packed = gzip.compress(b"\0" * 300_000_000, compresslevel=1)
    collector.script(Reply(headers={"Content-Encoding": "gzip"}, body=packed))
    before = peak_kilobytes()

    answer = send(request(collector.url), timeouts=Timeouts(read=30, total=30))

    assert (len(answer.body), answer.is_whole) == (65_536, False)
    assert peak_kilobytes() - before < 50_000


def peak_kilobytes() -> int:
    """Return the most memory that this process ever had."""
    resource = pytest.importorskip("resource")
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def test_a_broken_archive_is_an_error(collector: Collector) -> None:
    collector.script(Reply(headers={"Content-Encoding": "gzip"}, body=b"no archive"))

    with pytest.raises(TransportError):
        send(request(collector.url))


def test_the_environments_passwords_are_not_used(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    send(request(collector.url))

    assert collector.received[0].headers["authorization"] == SECRET


def test_the_environments_proxy_is_used(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", collector.url)
    monkeypatch.setenv("NO_PROXY", "")
    answer = send(request("http://collector.invalid"), timeouts=QUICK)

    assert answer.status == 200
    assert collector.received[0].headers["host"] == "collector.invalid"


def test_a_forked_child_has_its_own_connections(collector: Collector) -> None:
    send(request(collector.url))
    parents = transport.current_session()
    pid = os.fork()
    if pid == 0:
        try:
            status = send(request(collector.url)).status
            os._exit(0 if transport.current_session() is not parents and status == 200 else 1)
        finally:
            os._exit(2)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert transport.current_session() is parents
    assert send(request(collector.url)) == Answer(
        status=200, headers=send(request(collector.url)).headers, body=b'{"status":"success"}'
    )
