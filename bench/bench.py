#!/usr/bin/env python3
"""Measure local authenticating reverse proxies against each other.

Starts a TLS origin (nginx) that plays the upstream GraphQL API, puts each peer
in front of it as a plain-HTTP proxy, and loads them in turn with wrk. All
traffic stays on 127.0.0.1, and everything lives in a temporary folder.
"""

import argparse
import os
import pathlib
import platform
import resource
import shutil
import signal
import sys
import tempfile

from proxybench import gauge, load, origin, peers, processes, report

EPILOG = """\
placeholders in CMD, and in the template of --peer-config:
  {listen_port}  port on 127.0.0.1 that the proxy has to listen on
  {origin_port}  port on 127.0.0.1 of the TLS origin (its name is localhost)
  {origin_path}  path of the workload: /graphql, /large or /rotate
  {ca}           PEM file of the CA that signed the origin's certificate
  {token}        a bearer token that the origin accepts
  {tmp}          temporary folder
  {config}       the filled-in template of --peer-config
  {workers}      number of workers or threads to use

A request that reaches the origin without an Authorization header is answered
as a login: {"data":{"loginUser":{"id":1}}} and a token in X-Authorization.

examples:
  bench.py
  bench.py --peers nginx,haproxy --workloads small,large,rotate --json out.json
  bench.py --peers nginx,bearerd --scale
  bench.py --peers bearerd,bearerd-journal --workloads mutation   (what a journal costs)
  bench.py --peers nginx,bearerd --peer 'before=OLD/bearerd run --config {config}' \\
           --peer-config templates/bearerd.yaml
  bench.py --quick --peers nginx     (does it all work?)
"""


def parse_arguments(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--peers", default="direct,nginx,bearerd,haproxy,caddy,nginx-lua", metavar="LIST",
        help="known peers to measure; one that is not installed, or built (bearerd: "
             "build/release), is left out (default: %(default)s)")
    add("--peer", action="append", default=[], metavar="NAME=CMD",
        help="one more proxy to measure, started with CMD in the foreground")
    add("--peer-config", action="append", default=[], metavar="[NAME=]TEMPLATE",
        help="config file template for the --peer of that name, or for all of them")
    add("--workloads", default="small", metavar="LIST",
        help="any of small, large, rotate, mutation (default: %(default)s)")
    add("--rounds", type=int, default=10,
        help="rounds for each peer (default: %(default)s; many short ones ride out noise)")
    add("--seconds", type=int, default=2, help="length of a round (default: %(default)s)")
    add("--repeats", type=int, default=3,
        help="how often a round is run again that other programs on this machine "
             "disturbed (default: %(default)s)")
    add("--patience", type=float, default=120, metavar="SECONDS",
        help="how long to wait, over the whole run, for other programs to leave the CPUs "
             "alone before a round (default: %(default)s)")
    add("--warmup", type=int, default=2, help="seconds before the rounds (default: 2)")
    add("--connections", default="1,64", metavar="LIST",
        help="client connections to measure at (default: %(default)s)")
    add("--scale", action="store_true", help="same as --connections 1,16,64,256,1024")
    add("--idle", type=int, default=1000,
        help="idle connections for the memory figure (default: 1000; 0: leave out)")
    add("--workers", type=int, default=1, help="workers of each proxy (default: 1)")
    add("--proxy-cpus", metavar="LIST",
        help="CPUs for the proxy (default: as many as workers, from 0 on)")
    add("--load-cpus", metavar="LIST",
        help="CPUs for origin and wrk (default: those left over, or the last one)")
    add("--quick", action="store_true", help="one round of 1 s: a check, not a measurement")
    add("--json", metavar="FILE", help="write every round to FILE")
    add("--markdown", metavar="FILE", help="write the report to FILE too")
    args = parser.parse_args(argv)

    args.workloads = _names(args.workloads, origin.WORKLOADS, parser)
    args.peers = [peers.KNOWN[n] for n in _names(args.peers, peers.KNOWN, parser)]
    try:
        configs = dict(_split_config(c) for c in args.peer_config)
        args.peers += [peers.custom(spec, configs) for spec in args.peer]
    except ValueError as error:
        parser.error(str(error))
    args.connections = _numbers("1,16,64,256,1024" if args.scale else args.connections)
    args.proxy_cpus, args.load_cpus = _choose_cpus(args)
    args.quiet = load.QuietWait(args.proxy_cpus | args.load_cpus, args.patience)
    if args.quick:
        args.rounds, args.seconds, args.warmup = 1, 1, 1
    return args


def _names(text, known, parser):
    names = [n for n in text.split(",") if n]
    for name in names:
        if name not in known:
            parser.error(f"{name!r} is none of {', '.join(known)}")
    return names


def _numbers(text):
    return [int(n) for n in text.split(",")]


def _split_config(text):
    name, equals, path = text.partition("=")
    return (name, path) if equals else ("", text)


def _choose_cpus(args):
    """The proxy gets CPUs of its own if there are enough."""
    available = sorted(os.sched_getaffinity(0))
    proxy = set(_numbers(args.proxy_cpus) if args.proxy_cpus
                else available[:args.workers])
    if args.load_cpus:
        return proxy, set(_numbers(args.load_cpus))
    return proxy, set(c for c in available if c not in proxy) or {available[-1]}


def present(wanted):
    """The requested peers that can run here; names the others on stderr."""
    found = []
    for peer in wanted:
        missing = peer.missing()
        if missing:
            say(f"leaving out {peer.name}: {missing} is not there")
        else:
            found.append(peer)
    return found


def measure(args, tmp, rounds, idle):
    """Measure all peers under all workloads; add the results to `rounds` and `idle`."""
    origin.make_certificates(tmp)
    with processes.Children() as children:
        values = {
            "tmp": tmp, "ca": f"{tmp}/ca.pem", "token": origin.make_token(),
            "origin_port": origin.free_port(), "workers": args.workers,
            "load_workers": len(args.load_cpus),
            "nginx_user": "user root;" if os.geteuid() == 0 else "",
        }
        origin.start_origin(children, values, args.load_cpus)
        speed = gauge.Gauge(children, tmp, args.proxy_cpus)
        generator = load.Generator(tmp, speed, args.proxy_cpus, args.load_cpus)
        for workload in map(origin.WORKLOADS.get, args.workloads):
            with processes.Children() as proxies:
                idle[workload.name] = measure_workload(
                    args, workload, proxies, values, generator, rounds)


def measure_workload(args, workload, proxies, values, generator, rounds):
    """Run all rounds of one workload, alternating the peers; return the idle memory."""
    values = {**values, "origin_path": workload.path}
    targets = [start_target(peer, proxies, values, args.proxy_cpus)
               for peer in args.peers]
    for target in targets:
        load.wait_until_right(target, workload)
        generator.round(target, workload, max(args.connections), args.warmup)
    for number in range(1, args.rounds + 1):
        for connections in args.connections:
            for target in targets:
                for _ in range(1 + args.repeats):
                    args.quiet.wait()
                    result = generator.round(target, workload, connections, args.seconds)
                    say_round(number, args.rounds, result)
                    if result.failed or not result.disturbed:   # never hide an error
                        break
                load.wait_until_right(target, workload)
                rounds.append(result)
    return {target.peer.name:
            (args.idle, load.idle_memory_kib(target, workload, args.idle))
            for target in targets if target.pid and args.idle}


def start_target(peer, proxies, values, cpus):
    """Start one peer on a port of its own (the direct way uses the origin's port)."""
    port = origin.free_port() if peer.command else values["origin_port"]
    process = peer.start(proxies, {**values, "listen_port": port}, cpus)
    return load.Target(peer, port, process, values)


def describe_machine(args):
    """What a reader of the figures has to know about the machine."""
    with open("/proc/cpuinfo") as info:
        model = next((line.partition(":")[2].strip() for line in info
                      if line.startswith("model name")), platform.machine())
    versions = [f"{p.name} ({p.version_text()})" for p in args.peers if p.version]
    return {
        "machine": f"{os.cpu_count()} x {model}, Linux {platform.release()}",
        "peers": ", ".join(versions) or "-",
        "rounds": f"{args.rounds} x {args.seconds} s, workers {args.workers}, "
                  f"proxy on CPU {_list(args.proxy_cpus)}, "
                  f"origin and wrk on CPU {_list(args.load_cpus)}",
    }


def _list(cpus):
    return ",".join(map(str, sorted(cpus)))


def say(text):
    print(text, file=sys.stderr, flush=True)


def say_round(number, of, r):
    cpu = f"{r.cpu_us_per_request:7.1f} us/req" if r.cpu_us_per_request else " " * 14
    say(f"[{number}/{of}] {r.workload:7} c={r.connections:<5} {r.peer:12} "
        f"{r.requests_per_second:9.0f} req/s {cpu}  gauge {r.gauge_us:5.0f} us"
        + (f"  disturbed: others took {r.foreign_cpus + r.stolen_cpus:.2f} CPUs"
           if r.disturbed else "")
        + (f"  FAILED {r.errors}" if r.failed else ""))


def allow_many_files():
    """Raise the limit on open files as far as possible; children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def show_logs(tmp):
    """After a failure: the last lines that each child wrote."""
    for log in sorted(pathlib.Path(tmp).glob("*.out")) + sorted(pathlib.Path(tmp).glob("*.log")):
        lines = log.read_text(errors="replace").splitlines()[-8:]
        if lines:
            say(f"--- {log.name}\n" + "\n".join(lines))


def main(argv=None):
    args = parse_arguments(argv)
    for tool in ("nginx", "wrk", "openssl"):
        if not shutil.which(tool):
            return f"bench.py: {tool} is needed (Debian: nginx-light, wrk, openssl)"
    args.peers = present(args.peers)
    allow_many_files()
    signal.signal(signal.SIGTERM, signal.default_int_handler)   # like Ctrl-C
    machine, rounds, idle = describe_machine(args), [], {}
    with tempfile.TemporaryDirectory(prefix="proxybench-") as tmp:
        try:
            measure(args, tmp, rounds, idle)
            problem = None
        except KeyboardInterrupt:
            problem = "interrupted"
        except RuntimeError as error:
            problem = str(error)
            show_logs(tmp)
    text = report.markdown(machine, rounds, idle)
    print(text, end="")
    if args.markdown:
        pathlib.Path(args.markdown).write_text(text)
    if args.json:
        pathlib.Path(args.json).write_text(report.to_json(machine, rounds, idle))
    if problem:
        return f"bench.py: {problem}; the report is of the rounds before"
    return 1 if any(r.failed for r in rounds) else 0


if __name__ == "__main__":
    sys.exit(main())
