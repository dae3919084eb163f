#!/usr/bin/env python3
"""Measure how soon bearerd serves, and the cost of a mutation that has to open a connection.

Starts a TLS origin (nginx) that plays the upstream, and bearerd on top of it again and again: with an empty token
store, and with the token that the run before has stored. All traffic stays on 127.0.0.1.
"""

import argparse
import http.client
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from proxybench import origin, peers, processes, templates

_HEADERS = {"Content-Type": "application/json"}
_MUTATION = '{"query":"mutation A($r:String){Cards:createBalanceAdjustment(merchant_transaction_reference:$r){id}}"}'


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=str(peers.BEARERD), help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=11, help="(default: %(default)s)")
    return parser.parse_args()


def connect(port, patience=10.0):
    """A connection to the port as soon as something listens there."""
    deadline = time.monotonic() + patience
    while True:
        probe = socket.socket()
        try:
            probe.connect(("127.0.0.1", port))
            return probe
        except ConnectionRefusedError:
            probe.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.0002)


def ask(connection, body):
    connection.request("POST", "/graphql", body, _HEADERS)
    response = connection.getresponse()
    text = response.read().decode()
    if (response.status, text) != (200, origin.SMALL_BODY):
        raise RuntimeError(f"status {response.status}, body {text[:120]!r}")


def start(program, config, port):
    """Milliseconds from the start to listening and to the first answer, and the process."""
    begin = time.monotonic()
    process = subprocess.Popen([program, "run", "--config", config], stderr=subprocess.DEVNULL)
    probe = connect(port)
    listening = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.sock = probe
    ask(connection, origin.QUERY)
    answered = time.monotonic()
    connection.close()
    return (listening - begin) * 1e3, (answered - begin) * 1e3, process


def stop(process):
    process.send_signal(signal.SIGTERM)
    if process.wait(15) != 0:
        raise RuntimeError(f"bearerd ended with status {process.returncode}")


def cpu_us(pid):
    fields = pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()
    threads = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((t / "schedstat").read_text().split()[0]) for t in threads) / 1e3 if fields else 0


def mutations(pid, port, pause, count):
    """Milliseconds (median) and CPU microseconds of a mutation, `pause` seconds after the one before."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    ask(connection, _MUTATION)
    took, used = [], []
    for _ in range(count):
        time.sleep(pause)
        before, begin = cpu_us(pid), time.monotonic()
        ask(connection, _MUTATION)
        took.append((time.monotonic() - begin) * 1e3)
        used.append(cpu_us(pid) - before)
    connection.close()
    return statistics.median(took), statistics.median(used)


def main():
    args = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="proxybench-") as tmp, processes.Children() as children:
        origin.make_certificates(tmp)
        values = {"tmp": tmp, "ca": f"{tmp}/ca.pem", "token": origin.make_token(),
                  "origin_port": origin.free_port(), "listen_port": origin.free_port(),
                  "origin_path": "/graphql", "workers": 1, "load_workers": 1,
                  "nginx_user": "user root;" if os.geteuid() == 0 else ""}
        origin.start_origin(children, values, os.sched_getaffinity(0))
        connect(values["origin_port"]).close()
        config = templates.render("bearerd.yaml", f"{tmp}/bearerd.yaml", values)
        rows = {"no stored token": [], "stored token": []}
        for number in range(args.rounds * 2):
            fresh = number % 2 == 0
            if fresh:
                for stored in pathlib.Path(tmp).glob("*token*"):
                    stored.unlink()
            listening, answered, process = start(args.program, config, values["listen_port"])
            rows["no stored token" if fresh else "stored token"].append((listening, answered))
            stop(process)
        print("| start with | listening after, ms | first answer after, ms |\n| --- | --- | --- |")
        for name, times in rows.items():
            columns = [f"{statistics.median(c):.1f} ({min(c):.1f}-{max(c):.1f})" for c in zip(*times)]
            print(f"| {name} | {columns[0]} | {columns[1]} |")
        text = pathlib.Path(config).read_text()    # no warm connection, no proof of life: it must open one
        pathlib.Path(config).write_text(text.replace(
            "upstream:\n", "upstream:\n  keep_warm: {connections: 0}\n  reuse_for_mutations: 100ms\n"))
        _, _, process = start(args.program, config, values["listen_port"])
        print("\n| a mutation | ms | CPU us |\n| --- | --- | --- |")
        for name, pause in (("on a connection used just now", 0.01),
                            ("that opens a connection (TLS session resumed)", 2.2)):
            milliseconds, cpu = mutations(process.pid, values["listen_port"], pause, min(args.rounds, 7))
            print(f"| {name} | {milliseconds:.2f} | {cpu:.0f} |")
        stop(process)
    size = subprocess.run(["size", args.program], capture_output=True, text=True, check=True).stdout
    text, data = re.split(r"\s+", size.splitlines()[1].strip())[:2]
    print(f"\nProgram: {(int(text) + int(data)) / 2**20:.1f} MiB of code and data.")


if __name__ == "__main__":
    sys.exit(main())
