#!/usr/bin/env python3
"""Holds the #include lines of include/ and src/ against the architecture, finds what gcc 12 miscompiles and
using-declarations that nothing uses, and checks that each section of docs/contract.md that a comment cites exists. A header is public only if another module
needs it, and a module may use no more than it does.

The table of modules, and what each may use, is the list of bearerd_module() calls in src/CMakeLists.txt. CONFINED
below tells where headers of third parties may be included. Usage: layering.py SOURCE_DIRECTORY
"""
import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
MODULE = re.compile(r"bearerd_module\(\s*(\w+)([^)]*)\)")
# gcc 12 evaluates such a co_await whatever stands before the && or || (CONTRIBUTING.md, rule 10).
AWAITED_ANYWAY = re.compile(r"\b(?:while|for|co_return)\b[^;{}\n]*(?:&&|\|\|)[^;{}\n]*\bco_await\b.*")
# clang-tidy looks for those that nothing uses in main files only, and CI lets it read several files as one.
USING = re.compile(r"^\s*using (?!namespace\b)[\w:]*::(\w+);", re.M)
# "contract 3.5", "contract 3.6 and 3.7", "contract 2 to 4"; the old spelling in capitals is refused.
CITED = re.compile(r"\bcontract (\d+(?:\.\d+)?)(?:(?:,| and| or| to) (\d+(?:\.\d+)?)\b)?")
OLD_CITATION = re.compile(r"\bCONTRACT\b|\b[Cc]ontract section\b")
# A program of its own: what judges bearerd must not share its mistakes.
SIMULATOR = "simulator"
KEYWORDS = {"PCH", "USES", "LINK", "ALONE"}

# Prefix of the included name -> the modules that may include it, in files of these kinds.
CONFINED = {
    "yaml-cpp/": ({"config"}, {".cpp", ".hpp"}),
    "nlohmann/": ({"config", "auth", "reconcile", "journal", "admin", "proxy", "app"}, {".cpp"}),
    "openssl/": ({"crypto", "upstream", "auth"}, {".cpp", ".hpp"}),
    "hiredis/": ({"fleet"}, {".cpp"}),
    "boost/asio/ssl": ({"upstream"}, {".cpp", ".hpp"}),
    "prometheus/": ({"admin"}, {".cpp", ".hpp"}),
    "spdlog/": ({"app"}, {".cpp", ".hpp"}),
    "CLI/": ({"app"}, {".cpp", ".hpp"}),
    "systemd/": ({"app"}, {".cpp", ".hpp"}),
    "zlib.h": ({"http", "journal"}, {".cpp", ".hpp"}),
}
# The same the other way round: what these modules do without, so that they stay pure.
PURE = {
    "base": ("boost/asio", "boost/beast", "sys/socket.h", "netinet/", "poll.h"),
    "config": ("boost/asio", "boost/beast", "sys/socket.h", "poll.h"),
    **dict.fromkeys(("json", "graphql", "outcome"),
                    ("boost/asio", "boost/beast", "sys/", "netinet/", "unistd.h", "poll.h")),
    "http": ("boost/asio/ip", "boost/asio/io_context", "boost/beast/core/tcp_stream", "sys/socket.h", "poll.h"),
}


def modules(cmake):
    """Name -> what it may use, in the order of the table; faults of the table itself."""
    table, faults = {}, []
    for name, arguments in MODULE.findall(re.sub(r"#.*", "", cmake)):
        words, uses, keyword = arguments.split(), set(), None
        for word in words:
            if word in KEYWORDS:
                keyword = word
            elif keyword == "USES":
                uses.add(word)
        uses.discard("asio")  # the compiled part of Boost, not a module
        for used in sorted(uses - table.keys()):
            faults.append(f"src/CMakeLists.txt: {name} uses {used}, which is not above it")
        table[name] = uses
    return table, faults


def files_of(root):
    """(path from root, module) of every source file that the rules are about."""
    for folder in (root / "include" / "bearerd", root / "src"):
        for path in sorted(folder.rglob("*")):
            if path.suffix not in (".hpp", ".cpp") or path.parent == root / "src":
                continue
            module = path.relative_to(folder).parts[0]
            if module not in ("separate_compilation", SIMULATOR):
                yield path.relative_to(root), module


def fault_of(path, module, quote, name, table, root):
    """What is wrong with one #include line of a file, or None."""
    if quote == '"':
        if path.parts[0] == "include":
            return "a public header includes others with <>"
        beside = "/" not in name and (root / path.parent / name).is_file()
        return None if beside else "only a file beside it is included with quotes"
    if name.startswith("bearerd/"):
        other = name.split("/")[1]
        if other != module and other not in table[module]:
            return f"{module} may not use {other}"
        return None
    for prefix, (allowed, suffixes) in CONFINED.items():
        if name.startswith(prefix) and (module not in allowed or path.suffix not in suffixes):
            return f"only {', '.join(sorted(allowed))} may include it, in {' and '.join(sorted(suffixes))} files"
    for prefix in PURE.get(module, ()):
        if name.startswith(prefix):
            return f"{module} does without it"
    return None


def sections_of(contract):
    """The sections of the contract that can be cited: "4", and "3.5" for a numbered point of section 3."""
    found, section = set(), None
    for line in contract.splitlines():
        if heading := re.match(r"## (\d+)\.", line):
            section = heading[1]
            found.add(section)
        elif section and (point := re.match(r"(\d+)\. ", line)):
            found.add(f"{section}.{point[1]}")
    return found


def citation_faults(root):
    """Every citation, in a comment of the code or of the tests, of a section that the contract does not have."""
    contract = root / "docs" / "contract.md"
    sections = sections_of(contract.read_text()) if contract.is_file() else set()
    for folder in ("include", "src", "tests"):
        for path in sorted((root / folder).rglob("*.[ch]pp")):
            text = path.read_text()
            for old in OLD_CITATION.findall(text):
                yield f'{path.relative_to(root)}: "{old}": cite docs/contract.md as "contract 3.5"'
            for citation in CITED.findall(text):
                for number in filter(None, citation):
                    if number not in sections:
                        yield f"{path.relative_to(root)}: docs/contract.md has no section {number}"


def check(root):
    """Every fault of the tree, one line each, and how many #include lines were read."""
    table, faults = modules((root / "src" / "CMakeLists.txt").read_text())
    lines = 0
    for path, module in files_of(root):
        if module not in table:
            faults.append(f"{path}: there is no module {module}")
            continue
        text = (root / path).read_text()
        if path.suffix == ".hpp" and not re.search(r"^#pragma once$", text, re.M):
            faults.append(f"{path}: no #pragma once")
        for found in AWAITED_ANYWAY.findall(text):
            faults.append(f"{path}: gcc 12 does not short-circuit: {found}")
        for name in USING.findall(text) if path.suffix == ".cpp" else ():
            if len(re.findall(rf"\b{name}\b", text)) == 1:
                faults.append(f"{path}: nothing uses {name}, which is declared with using")
        for quote, name in INCLUDE.findall(text):
            lines += 1
            fault = fault_of(path, module, quote, name, table, root)
            if fault:
                faults.append(f"{path}: includes {name}: {fault}")
    for path in sorted((root / "src" / SIMULATOR).rglob("*.[ch]pp")):
        for _, name in INCLUDE.findall(path.read_text()):
            lines += 1
            if name.startswith("bearerd/"):
                faults.append(f"{path.relative_to(root)}: includes {name}: the simulator uses nothing of bearerd")
    faults.extend(citation_faults(root))
    return faults, lines


def needless(root):
    """What the modules may use and do not, and public headers that no other module needs."""
    table, _ = modules((root / "src" / "CMakeLists.txt").read_text())
    used, wanted = {name: set() for name in table}, set()
    for path, module in files_of(root):
        for _, name in INCLUDE.findall((root / path).read_text()):
            if name.startswith("bearerd/"):
                used[module].add(name.split("/")[1])
                if name.split("/")[1] != module or path.parts[0] == "include":
                    wanted.add(name)
    for module, may_use in table.items():
        for other in sorted(may_use - used[module]):
            yield f"src/CMakeLists.txt: {module} may use {other}, and does not"
    for path, module in files_of(root):
        if path.parts[0] == "include" and "/".join(path.parts[1:]) not in wanted:
            yield f"{path}: no other module needs it, so it belongs in src/{module}"


def main():
    faults, lines = check(Path(sys.argv[1]))
    faults.extend(needless(Path(sys.argv[1])))
    for fault in faults:
        print(fault)
    print(f"{lines} #include lines, {len(faults)} against the rules")
    return 1 if faults or lines == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
