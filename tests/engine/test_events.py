"""Message ids: random, wherever they are made."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import replace
from uuid import RFC_4122

import pytest

from django_vwo.engine.events import new_message_id
from tests.dialects.vwo.test_wire import IMPRESSION


def test_an_event_gives_its_message_id_as_a_random_uuid() -> None:
    event = replace(IMPRESSION, message_id=new_message_id())

    assert event.uuid.int == event.message_id
    assert (event.uuid.version, event.uuid.variant) == (4, RFC_4122)


def test_no_message_id_comes_twice() -> None:
    assert len({new_message_id() for _ in range(1_000)}) == 1_000


@pytest.mark.skipif(sys.platform == "win32", reason="nothing forks there")
def test_children_of_a_server_that_tells_python_of_no_fork_have_ids_of_their_own() -> None:
    """As uWSGI's are: what is registered with `os.register_at_fork` is not called."""
    new_message_id()
    read, write = os.pipe()
    child = ctypes.PyDLL(None).fork()
    if child == 0:
        os.write(write, str(new_message_id()).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert int(os.read(read, 100)) != new_message_id()
    os.close(read)
    os.close(write)
