"""The Celery app of a worker that writes, again and again, what it decides."""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from celery.signals import worker_ready

from tests.outbox.worker_app import app

TOLD = Path(os.environ["TEST_TOLD"])


@app.task(ignore_result=True)
def tell() -> None:
    """Write what a child of the worker decides."""
    from .deciding_site import decide  # which needs the apps to be loaded

    with TOLD.open("a") as file:
        file.write(f"{json.dumps(decide())}\n")


@worker_ready.connect
def start_telling(**kwargs: Any) -> None:
    threading.Thread(target=keep_telling, daemon=True).start()


def keep_telling() -> None:
    while True:
        tell.apply_async((), expires=5)
        time.sleep(0.25)
