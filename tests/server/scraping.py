"""Reads /metrics as Prometheus does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Scrape:
    """One reading. `names`: families as the # TYPE lines have them; `kinds`: their types."""

    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]
    kinds: dict[str, str]

    def of(self, name: str, **labels: str) -> float:
        """The sample sushibelt_NAME with exactly these labels, 0 where there is none."""
        return self.samples.get((f"sushibelt_{name}", frozenset(labels.items())), 0.0)

    def labels(self, name: str, label: str) -> set[str]:
        """All values of a label."""
        found = (dict(labels) for sample, labels in self.samples if sample == f"sushibelt_{name}")
        return {labels[label] for labels in found if label in labels}

    @property
    def series(self) -> Iterator[str]:
        """Names as a query may use them, of families without a sample too."""
        yield from {name for name, _ in self.samples}
        for name, kind in self.kinds.items():
            if kind == "histogram":
                yield from (f"{name}_{part}" for part in ("bucket", "sum", "count"))
            else:
                yield name


def scrape(url: str, **headers: str) -> Scrape:
    """Read the metrics of a service now."""
    answer = httpx.get(f"{url}/metrics", headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    samples, kinds = {}, {}
    for line in answer.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in kinds, "a family twice"
            kinds[name] = kind
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in samples, f"{key} twice"
            samples[key] = sample.value
    return Scrape(samples, kinds)
