"""What became of the pushes: the coordinator is asked about each until it has ended, for it forgets old ones."""

import json
import threading
import time

from world import BIN, now, run


def status_of(push):
    """The push as `status` shows it; None if it is not known; {} if nobody answered."""
    status, out, err = run("clients", f"{BIN}/lkcoord", "status", "--output", "json", str(push), timeout=20)
    if status == 0:
        return json.loads(out)
    return None if "there never was a push" in err or "was let go" in err else {}


class History(threading.Thread):
    def __init__(self, stream, diary):
        super().__init__(daemon=True)
        self.stream, self.diary = stream, diary
        self.ends = {}            # push -> (when, what status says at its end)
        self.gone = {}            # push -> when it was found missing
        self.over = False
        self.start()

    def pending(self):
        told = {client.id() for client in self.stream.clients} - {None}
        return sorted(told - self.ends.keys() - self.gone.keys())

    def run(self):
        while not self.over:
            self.round()
            time.sleep(1)

    def round(self):
        for push in self.pending():
            found = status_of(push)
            if found is None:
                self.gone[push] = now()
            elif found.get("ended"):
                self.ends[push] = now(), found

    def finish(self, seconds):
        """All pushes have to end; gives those that do not."""
        self.over = True
        self.join()
        until = now() + seconds
        while self.pending() and now() < until:
            self.round()
            time.sleep(0.5)
        return self.pending()
