"""What programs in other people's libraries have in common: they answer requests, one a line of standard input, each with a line of JSON."""

import json
import sys
import time


def answer(value):
    print(json.dumps(value), flush=True)


def absent(what):
    """Says what is missing here, and ends."""
    answer({"absent": what})
    sys.exit(0)


def repeat(seconds, once):
    """Does work for a time. once() does it and returns how many runs that are."""
    start, runs = time.perf_counter(), 0
    while True:
        runs += once()
        elapsed = time.perf_counter() - start
        if elapsed >= seconds:
            return {"runs": runs, "seconds": elapsed}


def serve(version, requests):
    """Says its version, and answers requests, each by the function of its name, of the words behind it."""
    answer({"version": version})
    for line in sys.stdin:
        name, *words = line.split()
        if name in requests:
            answer(requests[name](*words))
        else:
            answer({"error": f"unknown request {line!r}"})
