#!/usr/bin/env python3
"""The checker finds what it is there to find, and nothing else."""
import tempfile
import unittest
from pathlib import Path

import layering

TABLE = """
# bearerd_module(ghost USES nothing)
bearerd_module(base)
bearerd_module(config USES base LINK yaml-cpp)
bearerd_module(graphql USES base)
bearerd_module(auth PCH USES base asio config
               LINK OpenSSL::Crypto)
bearerd_module(app USES base config auth)
"""


def run(check, files, table):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in {"src/CMakeLists.txt": table, **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return check(root)


def faults(files, table=TABLE):
    return run(layering.check, files, table)[0]


def needless(files, table):
    return run(lambda root: list(layering.needless(root)), files, table)


class Layering(unittest.TestCase):
    def test_allows_what_the_table_allows(self):
        self.assertEqual(faults({
            "include/bearerd/base/a.hpp": "#pragma once\n#include <string>\n",
            "include/bearerd/auth/b.hpp": "#pragma once\n#include <bearerd/base/a.hpp>\n#include <bearerd/auth/c.hpp>\n",
            "src/auth/b.cpp": '#include "local.hpp"\n#include <nlohmann/json.hpp>\n#include <openssl/evp.h>\n',
            "src/auth/local.hpp": "#pragma once\n",
            "src/config/parse.cpp": "#include <yaml-cpp/yaml.h>\n",
            "src/auth/c.cpp": "if (a && co_await b) {\nwhile (co_await c) {\nwhile (a && b) { co_await d; }\n",
        }), [])

    def test_finds_using_declarations_that_nothing_uses(self):
        self.assertEqual(faults({
            "src/base/a.cpp": "using std::string;\nusing namespace std;\nusing json = a::b;\nusing a::used;\nused x;\n",
        }), ["src/base/a.cpp: nothing uses string, which is declared with using"])

    def test_finds_what_nothing_needs(self):
        table = "bearerd_module(base)\nbearerd_module(net USES base asio)\nbearerd_module(app USES base net)"
        files = {
            "include/bearerd/base/a.hpp": "#include <bearerd/base/b.hpp>\n",
            "include/bearerd/base/b.hpp": "",
            "include/bearerd/base/own.hpp": "",
            "src/base/own.cpp": "#include <bearerd/base/own.hpp>\n",
            "src/net/n.cpp": "#include <bearerd/base/a.hpp>\n",
            "src/app/x.cpp": "#include <bearerd/base/a.hpp>\n",
        }
        self.assertEqual(needless(files, table), [
            "src/CMakeLists.txt: app may use net, and does not",
            "include/bearerd/base/own.hpp: no other module needs it, so it belongs in src/base",
        ])
        self.assertEqual(needless({"src/a/x.cpp": ""}, "bearerd_module(a)"), [])

    def test_keeps_the_simulator_apart(self):
        self.assertEqual(faults({
            "src/simulator/a.cpp": '#include "a.hpp"\n#include <boost/asio/ip/tcp.hpp>\n',
        }), [])
        self.assertEqual(faults({"src/simulator/a.cpp": "#include <bearerd/base/a.hpp>\n"}), [
            "src/simulator/a.cpp: includes bearerd/base/a.hpp: the simulator uses nothing of bearerd",
        ])

    def test_checks_that_a_cited_section_of_the_contract_exists(self):
        contract = "# x\n## 3. The token\n5. *Rejected* means\n## 4. Sent again\n"
        self.assertEqual(faults({
            "docs/contract.md": contract,
            "src/base/a.cpp": "// contract 3.5 and contract 3, 4\n// contract 3 to 4\n",
        }), [])
        self.assertEqual(faults({
            "docs/contract.md": contract,
            "src/base/a.cpp": "// contract 3.6\n// contract 3.5 and 5\n",
            "tests/unit/a_test.cpp": "// CONTRACT 4\n",
        }), [
            "src/base/a.cpp: docs/contract.md has no section 3.6",
            "src/base/a.cpp: docs/contract.md has no section 5",
            'tests/unit/a_test.cpp: "CONTRACT": cite docs/contract.md as "contract 3.5"',
        ])

    def test_finds_each_kind_of_fault(self):
        once = "#pragma once\n"
        cases = [
            ("src/base/a.cpp", "#include <bearerd/config/config.hpp>\n", "base may not use config"),
            ("src/config/a.cpp", "  #  include <bearerd/graphql/x.hpp>\n", "config may not use graphql"),
            ("include/bearerd/base/a.hpp", once + "#include <bearerd/app/x.hpp>\n", "base may not use app"),
            ("include/bearerd/base/a.hpp", once + '#include "b.hpp"\n', "with <>"),
            ("include/bearerd/base/a.hpp", "", "no #pragma once"),
            ("include/bearerd/auth/a.hpp", once + "#include <nlohmann/json.hpp>\n", "in .cpp files"),
            ("src/auth/a.cpp", '#include "../auth/a.cpp"\n', "beside it"),
            ("src/auth/a.cpp", '#include "missing.hpp"\n', "beside it"),
            ("src/auth/a.cpp", "#include <yaml-cpp/yaml.h>\n", "only config"),
            ("src/base/a.cpp", "#include <openssl/crypto.h>\n", "only auth, crypto, upstream"),
            ("src/auth/a.cpp", "#include <spdlog/spdlog.h>\n", "only app"),
            ("src/auth/a.cpp", "#include <prometheus/registry.h>\n", "only admin"),
            ("src/graphql/a.cpp", "#include <boost/asio/buffer.hpp>\n", "does without it"),
            ("src/auth/a.cpp", "  while (open && co_await next()) {\n", "short-circuit"),
            ("src/auth/a.cpp", "  } while (a || !co_await b);\n", "short-circuit"),
            ("src/auth/a.cpp", "  co_return a && co_await b;\n", "short-circuit"),
            ("src/nowhere/a.cpp", "\n", "no module nowhere"),
        ]
        for path, text, expected in cases:
            with self.subTest(path=path, text=text):
                found = faults({path: text})
                self.assertEqual(len(found), 1, found)
                self.assertIn(expected, found[0])

    def test_finds_a_table_that_points_upwards(self):
        self.assertEqual(len(faults({}, "bearerd_module(base USES config)\nbearerd_module(config)\n")), 1)


if __name__ == "__main__":
    unittest.main()
