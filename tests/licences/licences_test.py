#!/usr/bin/env python3
"""The checker finds what it is there to find, and nothing else."""
import tempfile
import unittest
from pathlib import Path

import licences

TEXT = "\n".join(f" line {number}" for number in range(licences.FEWEST_LINES))
COPYRIGHT = f"""Format: x

Files: *
Copyright: 2026 us
License: all-rights-reserved
 None.

Files: spdlog/*
Copyright: 2014 Someone
License: Expat

Files: fmt/*
Copyright: 2012 Someone
 2013 Somebody else
License: Expat and Zlib

License: Expat
{TEXT}

License: Zlib
{TEXT}
"""
GOOD = {
    "scripts/install-dependencies": 'packages=(\n [build]="g++ cmake\n  libspdlog-dev"\n [test]="curl")\n',
    "packaging/copyright": COPYRIGHT,
    "Dockerfile": "RUN install -D -m 0644 packaging/copyright /out/usr/share/doc/bearerd/copyright\n"
                  "COPY --from=build /out/ /\n",
    "src/app/a.cpp": "#include <bearerd/a.hpp>\n#include <sys/socket.h>\n#include <fmt/format.h>\n#include <vector>\n",
}


def faults(**changed):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in GOOD.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(changed.get(Path(name).name.replace("-", "_").replace(".", "_"), text))
        return licences.check(root)


class Licences(unittest.TestCase):
    def test_a_complete_file_has_no_fault(self):
        self.assertEqual(faults(), [])

    def test_finds_each_kind_of_fault(self):
        cases = [
            ({"install_dependencies": '[build]="libspdlog-dev libnew-dev"'}, "libnew-dev: add it"),
            ({"install_dependencies": '[build]="libcli11-dev|libspdlog-dev"'}, '"Files: CLI/*", which libcli11-dev'),
            ({"install_dependencies": '[test]="curl"'}, "no [build] group"),
            ({"a_cpp": "#  include <new/x.hpp>\n"}, '"Files: new/*", which an #include line'),
            ({"copyright": COPYRIGHT.replace("Files: fmt/*", "Files: format/*")}, '"Files: fmt/*"'),
            ({"copyright": COPYRIGHT + " IN NO EVENT SHALL THE REGENTS"}, '"Zlib" names REGENTS'),
            ({"copyright": COPYRIGHT.replace("2014 Someone", "")}, "spdlog/* has no year"),
            ({"copyright": COPYRIGHT.replace(f"License: Zlib\n{TEXT}", "License: Zlib\n See elsewhere.")},
             '"Zlib", which fmt/* names, is not complete'),
            ({"Dockerfile": "FROM scratch\n"}, "Dockerfile: the image lacks"),
        ]
        for changed, expected in cases:
            with self.subTest(expected=expected):
                found = faults(**changed)
                self.assertEqual(len(found), 1, found)
                self.assertIn(expected, found[0])


if __name__ == "__main__":
    unittest.main()
