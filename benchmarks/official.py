"""Measures VWO's own SDK, inside its environment: a JSON request a line, a time a line."""

import json
import sys
import time

import vwo


class Storage(vwo.UserStorage):
    """User storage in memory."""

    def __init__(self):
        self.records = {}

    def get(self, user_id, campaign_key):
        return self.records.get((user_id, campaign_key))

    def set(self, record):
        self.records[record["userId"], record["campaignKey"]] = record


class Quiet:
    """A logger that says nothing."""

    def log(self, level, message):
        pass


def main():
    answers, sys.stdout = sys.stdout, sys.stderr
    document = sys.stdin.readline()
    common = {"logger": Quiet(), "is_development_mode": True}
    instances = {
        False: vwo.launch(document, **common),
        True: vwo.launch(document, user_storage=Storage(), **common),
    }
    for line in sys.stdin:
        request = json.loads(line)
        method = getattr(instances[request["storage"]], request["method"])
        start = time.perf_counter()
        for arguments in request["calls"]:
            method(*arguments)
        spent = (time.perf_counter() - start) / len(request["calls"])
        answers.write(f"{spent}\n")
        answers.flush()


main()
