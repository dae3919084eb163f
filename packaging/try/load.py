#!/usr/bin/env python3
"""Balance queries against bearerd from several threads, each on a connection of its own, until SIGTERM or for a number of
seconds. Prints "ANSWERED FAILED", and each failure on standard error; exit status 1 where one failed.

A connection that is refused is no failure with --until-refused, but the end: nothing was sent.
"""
import argparse
import http.client
import json
import signal
import sys
import threading
import time

QUERY = json.dumps({"query": '{ Cards(card_reference:"6301190019990640662") { data { balance } } }'})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--rate", type=float, default=200, help="requests a second, all threads together")
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--until-refused", action="store_true")
    options = parser.parse_args()
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    answered, failures = [], []

    def run():
        end = time.monotonic() + options.seconds
        while not ending.is_set() and time.monotonic() < end:
            began = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", options.port, timeout=30)
            try:
                connection.connect()
            except ConnectionRefusedError as refused:
                if not options.until_refused:
                    failures.append(repr(refused))
                return
            try:
                connection.request("POST", "/graphql", QUERY, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status == 200 and b'"balance"' in body:
                    answered.append(1)
                elif not (options.until_refused and b"SHUTTING_DOWN" in body):
                    failures.append(f"{answer.status} {body[:300]!r}")
            except Exception as problem:  # whatever it is: the request has no answer
                failures.append(repr(problem))
            finally:
                connection.close()
            ending.wait(max(0.0, began + options.threads / options.rate - time.monotonic()))

    threads = [threading.Thread(target=run) for _ in range(options.threads)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):  # joined with a pause, so that the signal is seen
        time.sleep(0.05)
    for failure in failures:
        print(failure, file=sys.stderr)
    print(len(answered), len(failures))
    return 1 if failures or not answered else 0


sys.exit(main())
