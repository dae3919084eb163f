"""The proxies that can be measured, and how each is started."""

import dataclasses
import pathlib
import shlex
import shutil
import subprocess

from . import templates


@dataclasses.dataclass
class Peer:
    """One path from the client to the origin.

    `command` and the config template may use the placeholders that bench.py
    lists in its help. A peer without a command is the direct path: no proxy.
    """
    name: str
    command: str = ""
    config: str = ""
    version: str = ""
    modules: tuple = ()
    env: dict = dataclasses.field(default_factory=dict)

    def missing(self):
        """The first program or file that this peer needs and that is missing."""
        needs = [shlex.split(self.command)[0]] if self.command else []
        for need in needs:
            if not shutil.which(need):
                return need
        return next((m for m in self.modules if not pathlib.Path(m).exists()), None)

    def start(self, children, values, cpus):
        """Start the proxy; return its process, or None for the direct path."""
        if not self.command:
            return None
        tmp = pathlib.Path(values["tmp"])
        values = {**values, "config": tmp / f"{self.name}.config"}
        if self.config:
            templates.render(self.config, values["config"], values)
        argv = [templates.fill(word, values) for word in shlex.split(self.command)]
        env = {k: templates.fill(v, values) for k, v in self.env.items()}
        return children.start(argv, cpus, tmp / f"{self.name}.out", env)

    def version_text(self):
        """The first line that the peer prints about its version."""
        if not self.version:
            return ""
        result = subprocess.run(shlex.split(self.version), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return result.stdout.strip().partition("\n")[0]


BEARERD = pathlib.Path(__file__).parents[2] / "build/release/src/bearerd"

# shlex: the tree may be in a folder whose name has spaces
_BEARERD = f"{shlex.quote(str(BEARERD))} run --config {{config}}"
_NGINX = "nginx -e {tmp}/nginx-start.log -c {config}"
KNOWN = {peer.name: peer for peer in (
    Peer("direct"),
    Peer("bearerd", _BEARERD, "bearerd.yaml", f"{shlex.quote(str(BEARERD))} --version"),
    Peer("bearerd-journal", _BEARERD, "bearerd-journal.yaml"),
    Peer("nginx", _NGINX, "nginx.conf", "nginx -v"),
    Peer("haproxy", "haproxy -db -f {config}", "haproxy.cfg", "haproxy -v"),
    Peer("caddy", "caddy run --adapter caddyfile --config {config}", "Caddyfile",
         "caddy version", env={"HOME": "{tmp}", "XDG_DATA_HOME": "{tmp}",
                               "XDG_CONFIG_HOME": "{tmp}", "GOMAXPROCS": "{workers}"}),
    Peer("nginx-lua", _NGINX, "nginx-lua.conf", "nginx -v",
         modules=("/usr/lib/nginx/modules/ngx_http_lua_module.so",)),
)}


def custom(spec, configs):
    """A peer from the command line: NAME=CMD and the config templates by name."""
    name, equals, command = spec.partition("=")
    if not (name and equals and command):
        raise ValueError(f"--peer wants NAME=CMD, not {spec!r}")
    config = configs.get(name) or configs.get("", "")
    if config and not pathlib.Path(config).is_file():
        raise ValueError(f"--peer-config: there is no file {config!r}")
    return Peer(name, command, str(pathlib.Path(config).resolve()) if config else "")
