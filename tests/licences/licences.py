#!/usr/bin/env python3
"""Checks that packaging/copyright, which the packages and the image contain, has the notice and the licence of every
component that is compiled in.

What is compiled in is read from the [build] group of scripts/install-dependencies and from the #include lines of what
the packages install. A package or a folder of headers that neither table below knows is a fault. Usage: licences.py
SOURCE_DIRECTORY
"""
import re
import sys
from pathlib import Path

# Pattern of a Debian package -> folders of headers that it brings and that are compiled in. None: a tool, or the headers
# of a shared library, whose own package has its notices.
PACKAGES = {
    r"g\+\+.*|make|cmake|ninja-build|pkg-config|pkgconf": [],
    r"libssl-dev|zlib1g-dev|libsystemd-dev": [],
    r"libboost.*-dev": ["boost"],
    r"nlohmann-json3-dev": ["nlohmann"],
    r"libspdlog-dev": ["spdlog", "fmt"],
    r"libfmt-dev": ["fmt"],
    r"libcli11-dev": ["CLI"],
    r"libyaml-cpp-dev": ["yaml-cpp"],
    r"libhiredis-dev": ["hiredis"],
    r"prometheus-cpp-dev|libprometheus-cpp-dev": ["prometheus"],
}
# Folders of headers that need no notice of ours: our own, the system's, those of shared libraries, those of tests.
NO_NOTICE = {"bearerd", "arpa", "linux", "net", "netinet", "sys", "openssl", "systemd", "gtest", "gmock"}
SOURCES = ("include", "src")
OTHERS = re.compile(r"\bREGENTS\b|\bthe University\b|\bX CONSORTIUM\b")  # whose texts are often copied
FEWEST_LINES = 8  # of a licence's text; none of them is shorter


def packages_of(script):
    """The packages of the [build] group; alternatives are separated by "|", programs end with ":"."""
    group = re.search(r'\[build\]="([^"]*)"', script)
    return re.split(r"[\s|]+", group[1].strip()) if group else []


def included_folders(root):
    folders = set()
    for path in (path for source in SOURCES for path in sorted((root / source).rglob("*.[ch]pp"))):
        folders.update(re.findall(r"^\s*#\s*include\s*<([^/>]+)/", path.read_text(), re.M))
    return folders


def paragraphs_of(copyright_file):
    """Each paragraph as a mapping from its fields to their lines."""
    for paragraph in re.split(r"\n\s*\n", copyright_file.strip()):
        fields, lines = {}, []
        for line in paragraph.split("\n"):
            if not line.startswith((" ", "\t")):
                name, _, value = line.partition(":")
                lines = fields.setdefault(name, [])
                line = value
            if line.strip():
                lines.append(line.strip())
        yield fields


def check(root):
    """Every fault, one line each."""
    faults, needed = [], {}
    packages = packages_of((root / "scripts" / "install-dependencies").read_text())
    if not packages:
        faults.append("scripts/install-dependencies: no [build] group was found")
    for package in packages:
        brings = [folders for pattern, folders in PACKAGES.items() if re.fullmatch(pattern, package.split(":")[-1])]
        if not brings:
            faults.append(f"{package}: add it to PACKAGES in tests/licences/licences.py")
        for folder in (folder for folders in brings for folder in folders):
            needed.setdefault(folder, package)
    for folder in included_folders(root) - NO_NOTICE:
        needed.setdefault(folder, "an #include line")

    texts, notices = {}, {}
    for fields in paragraphs_of((root / "packaging" / "copyright").read_text()):
        name, *text = fields.get("License", [""])
        if "Files" in fields:
            for files in " ".join(fields["Files"]).split():
                notices[files] = (" ".join(fields.get("Copyright", [])), name)
        if text or "Files" not in fields:
            texts[name] = text
    for folder, reason in sorted(needed.items()):
        if f"{folder}/*" not in notices:
            faults.append(f'packaging/copyright: no paragraph "Files: {folder}/*", which {reason} needs')
    for files, (holders, licence) in notices.items():
        if not re.search(r"\d{4}.*\w", holders):
            faults.append(f"packaging/copyright: {files} has no year and holder")
        for name in licence.split(" and "):
            if files != "*" and len(texts.get(name, [])) < FEWEST_LINES:
                faults.append(f'packaging/copyright: the text of "{name}", which {files} names, is not complete')
    for name, text in texts.items():
        for other in OTHERS.findall(" ".join(text)):
            faults.append(f'packaging/copyright: the text of "{name}" names {other}, who made none of this')
    dockerfile = (root / "Dockerfile").read_text()
    notices_line = "install -D -m 0644 packaging/copyright /out/usr/share/doc/bearerd/copyright"
    if notices_line not in dockerfile or "COPY --from=build /out/ /" not in dockerfile:
        faults.append("Dockerfile: the image lacks packaging/copyright")
    return faults


def main():
    faults = check(Path(sys.argv[1]))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
