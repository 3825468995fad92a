"""Serves the pages of ``deciding_site`` in a process of its own, and tells the port."""

from __future__ import annotations

import os
import sys
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.core.wsgi import get_wsgi_application
from django.db import connections


class Server(ThreadingMixIn, WSGIServer):
    """Answers each request in a thread of its own."""

    daemon_threads = True


class Handler(WSGIRequestHandler):
    """Keeps quiet."""

    def log_message(self, *args: Any) -> None:
        pass


def serve() -> None:
    """Tell the port, and answer until the end; as a forked child, if *argv* says so."""
    server = make_server("127.0.0.1", 0, get_wsgi_application(), Server, Handler)
    if "forked" in sys.argv:
        fork()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


def fork() -> None:
    """Go on as the child of a process that has decided and fetched itself."""
    from django_vwo.sources import errand

    from .deciding_site import decide

    decide()
    errand.start()
    connections.close_all()
    if child := os.fork():
        os.waitpid(child, 0)
        os._exit(0)


if __name__ == "__main__":
    serve()
