"""Loads documents with an official SDK, inside its environment: a path a line, a time a line."""

import gc
import sys
import time
from pathlib import Path


class Quiet:
    """A logger that says nothing."""

    def log(self, level, message):
        pass


def with_vwo():
    import vwo

    def load(text):
        # It answers None where it refuses the document.
        return vwo.launch(text, logger=Quiet(), is_development_mode=True)

    return load


def with_optimizely():
    from optimizely import logger, optimizely

    class Forgetful:
        """An event processor that does nothing, as the default one starts a thread."""

        def process(self, event):
            pass

    def load(text):
        made = optimizely.Optimizely(text, logger=logger.NoOpLogger(), event_processor=Forgetful())
        return made if made.is_valid else None

    return load


def main():
    answers, sys.stdout = sys.stdout, sys.stderr
    load = {"vwo": with_vwo, "optimizely": with_optimizely}[sys.argv[1]]()
    for line in sys.stdin:
        text = Path(line.rstrip("\n")).read_text()
        gc.collect()
        start = time.process_time()
        loaded = load(text)
        spent = time.process_time() - start
        if loaded is None:
            raise SystemExit("The SDK refused the document.")
        del loaded
        answers.write(f"{spent}\n")
        answers.flush()


main()
