"""The app's logger."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any


class SurvivingLogger(logging.LoggerAdapter[logging.Logger]):
    """Logs as the logger that it is made with does, but for what the site's handlers raise."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        # A full disk or a file that cannot be opened is to cost no page and no event.
        if self.isEnabledFor(level):
            with suppress(Exception):
                self.logger.log(level, msg, *args, stacklevel=2, **kwargs)


logger = SurvivingLogger(logging.getLogger("django_vwo"))
"""What the whole package logs with."""
