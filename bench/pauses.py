#!/usr/bin/env python3
"""Measure how many round trips a redemption takes after a pause.

In a shop, minutes pass between sales. Each peer forwards redemptions one by one
to a TLS origin, with a fixed pause before each, through a relay that delays
connections by a round trip and bytes by half of one each way. Each pause and
peer has a process of its own, and all run at the same time. All traffic stays
on 127.0.0.1.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import threading
import time

from proxybench import load, origin, peers, processes, relay

WORKLOAD = origin.WORKLOADS["mutation"]
FIRST_PAUSE = 3.0    # between the start and the first redemption


def parse_arguments(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--peers", default="bearerd,nginx", metavar="LIST",
        help="known peers to measure (default: %(default)s)")
    add("--peer", action="append", default=[], metavar="NAME=CMD",
        help="one more proxy, as for bench.py")
    add("--peer-config", default="", metavar="TEMPLATE", help="config template for all --peer")
    add("--pauses", default="0.2,3,20,45", metavar="LIST",
        help="seconds before a redemption (default: %(default)s)")
    add("--round-trip", type=float, default=60, metavar="MS",
        help="of the line (default: %(default)s)")
    add("--redemptions", type=int, default=7, help="for each pause (default: %(default)s)")
    add("--learn", type=float, default=60, metavar="SECONDS",
        help="with redemptions that do not count, before those that do, so that the upstream's "
             "habit is known (default: %(default)s)")
    add("--markdown", metavar="FILE", help="write the table to FILE too")
    args = parser.parse_args(argv)
    args.pauses = [float(n) for n in args.pauses.split(",")]
    args.peers = [peers.KNOWN[n] for n in args.peers.split(",") if n]
    args.peers += [peers.custom(spec, {"": args.peer_config}) for spec in args.peer]
    return args


class Till(threading.Thread):
    """Redeems through one peer with the same pause before each; keeps the times in round trips."""

    def __init__(self, target, pause, args):
        super().__init__(daemon=True)
        self.target, self.pause, self.args = target, pause, args
        self.first = None
        self.times = []
        self.problem = None

    def run(self):
        try:
            self._run()
        except Exception as error:    # reported by the main thread
            self.problem = f"{self.target.peer.name} after {self.pause} s: {error!r}"

    def _run(self):
        connection = self.target.connect()
        start = time.monotonic()
        self.first = self._redeem(connection, FIRST_PAUSE)
        while time.monotonic() < start + self.args.learn:
            self._redeem(connection, min(self.pause, self.args.learn / 3))
        for _ in range(self.args.redemptions):
            self.times.append(self._redeem(connection, self.pause))

    def _redeem(self, connection, pause):
        time.sleep(pause)
        begin = time.perf_counter()
        answer = load.ask(self.target, connection, WORKLOAD)
        taken = time.perf_counter() - begin
        if answer != (200, WORKLOAD.response):
            raise RuntimeError(f"answer {answer}")
        return taken * 1000 / self.args.round_trip


def measure(args, tmp):
    """Run all tills at the same time; return them when they are done."""
    origin.make_certificates(tmp)
    cpus = os.sched_getaffinity(0)
    with processes.Children() as children:
        values = {
            "tmp": tmp, "ca": f"{tmp}/ca.pem", "token": origin.make_token(),
            "origin_port": origin.free_port(), "workers": 1, "load_workers": 1,
            "origin_path": WORKLOAD.path,
            "nginx_user": "user root;" if os.geteuid() == 0 else "",
        }
        origin.start_origin(children, values, cpus)
        line = relay.Relay(values["origin_port"], args.round_trip / 1000)
        tills = []
        for number, (pause, peer) in enumerate((p, q) for p in args.pauses for q in args.peers):
            folder = pathlib.Path(tmp, str(number))
            folder.mkdir()
            port = origin.free_port()
            process = peer.start(children, {**values, "tmp": str(folder), "listen_port": port,
                                            "origin_port": line.port}, cpus)
            tills.append(Till(load.Target(peer, port, process, values), pause, args))
        time.sleep(1)    # until all of them listen
        for till in tills:
            till.start()
        for till in tills:
            till.join()
        line.close()
    return tills


def table(args, tills):
    def row(name, cells):
        return f"| {name} | " + " | ".join(cells) + " |\n"

    def median(peer, pause):
        times = next(t.times for t in tills if t.target.peer is peer and t.pause == pause)
        return f"{statistics.median(times):.2f}"

    text = row("pause before it", ["first, after the start"] + [f"{p:g} s" for p in args.pauses])
    text += row("---", ["---"] * (1 + len(args.pauses)))
    for peer in args.peers:
        first = statistics.median(t.first for t in tills if t.target.peer is peer)
        text += row(peer.name, [f"{first:.2f}"] + [median(peer, p) for p in args.pauses])
    return text


def main(argv=None):
    args = parse_arguments(argv)
    for tool in ("nginx", "openssl"):
        if not shutil.which(tool):
            return f"pauses.py: {tool} is needed (Debian: nginx-light, openssl)"
    with tempfile.TemporaryDirectory(prefix="proxybench-") as tmp:
        tills = measure(args, tmp)
    problems = [t.problem for t in tills if t.problem]
    if problems:
        return "pauses.py: " + "; ".join(problems)
    text = (f"Median time of a redemption in round trips of {args.round_trip:g} ms, "
            f"{args.redemptions} for each pause\n\n" + table(args, tills))
    print(text, end="")
    if args.markdown:
        pathlib.Path(args.markdown).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
