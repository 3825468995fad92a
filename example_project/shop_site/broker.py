"""The broker of a shop without servers: messages are files in a folder."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Writes whole messages: a worker that finds half of one, as kombu leaves it, ends."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:
        name = f"{monotonic() * 1000:.0f}_{uuid4()}.{queue}"
        unfinished = Path(self.data_folder_out, f"{name}.part")
        unfinished.write_text(dumps(payload))
        unfinished.rename(unfinished.with_suffix(".msg"))


class Transport(filesystem.Transport):
    """kombu's filesystem transport with that channel."""

    Channel = Channel
