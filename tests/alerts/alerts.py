#!/usr/bin/env python3
"""Checks what promtool does not: every metric that alert rules and dashboard use is one of docs/metrics.md, and every
alert has a test in which it fires and one in which it does not. Prints what is wrong; exit status 1 then."""
import json
import re
import sys
from pathlib import Path


def metrics_of(text):
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bbearerd_[a-z_]+", text)}


def expressions(value):
    """All "expr" and "query" texts of the dashboard, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("expr", "query", "definition") and isinstance(inner, str):
                yield inner
            else:
                yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)


def faults(root):
    known = metrics_of((root / "docs/metrics.md").read_text())
    rules = (root / "config/prometheus-alerts.yaml").read_text()
    dashboard = json.loads((root / "config/grafana-dashboard.json").read_text())
    tests = (root / "tests/alerts/alerts_test.yaml").read_text()
    if len(known) < 15:
        yield "docs/metrics.md: the metrics were not found"
    for name in sorted(metrics_of(rules) - known):
        yield f"config/prometheus-alerts.yaml: {name} is not in docs/metrics.md"
    for name in sorted(metrics_of("\n".join(expressions(dashboard))) - known):
        yield f"config/grafana-dashboard.json: {name} is not in docs/metrics.md"
    ids = [panel["id"] for panel in dashboard["panels"]]
    if len(set(ids)) != len(ids):
        yield "config/grafana-dashboard.json: two panels have the same id"
    for alert in re.findall(r"- alert: (\w+)", rules):
        # From the name to the samples that belong to it.
        expected = re.findall(rf"\b{alert}\b[^\n]*(?:\n(?! *- )[^\n]*)*?exp_samples: *(\[\]|\[\{{)", tests)
        expected += re.findall(rf"\b{alert}\b[^\n]*exp_samples: *(\[\])", tests)
        if "[{" not in expected:
            yield f"tests/alerts/alerts_test.yaml: {alert} never fires"
        if "[]" not in expected:
            yield f"tests/alerts/alerts_test.yaml: {alert} is never quiet"


def main():
    found = list(faults(Path(sys.argv[1])))
    if found:
        print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
