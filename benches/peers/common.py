"""What the peers' programs share."""

import json
import resource
import time


class Clock:
    """Seconds since it was made, of this process and of those that it started and that ended."""

    def __init__(self):
        self.wall, self.cpu = time.monotonic(), self.processor()

    @staticmethod
    def processor():
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    def report(self):
        print(json.dumps({"wall": time.monotonic() - self.wall, "cpu": self.processor() - self.cpu}))
