"""What Prometheus reads, gathered when it asks from where the numbers are: the hub, the journal, the database, the
worker's last heartbeat. Nothing is counted for its sake on the way of a step or a tick.

docs/operate.md says what each means. Labels are bounded: no run, no viewer and no path is one.
"""

from __future__ import annotations

import platform
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from server import __version__
from server.observing.counts import Histogram, HttpCounts
from server.runs import STATES
from server.service import Service
from server.storage import GIGABYTE

PREFIX = "sushibelt_"
SECTORS = ("database", "checkpoints", "recordings", "images")


def registry(service: Service, http: HttpCounts) -> CollectorRegistry:
    """All metrics of one service."""
    found = CollectorRegistry(auto_describe=False)
    found.register(ServiceCollector(service, http))
    ProcessCollector(registry=found)
    return found


def counter(name: str, text: str, values: Mapping[Any, float], labels: Iterable[str] = ()) -> Metric:
    """A family of counts, `_total` added to the name. Keys of `values`: a tuple with a text for each label."""
    family = CounterMetricFamily(PREFIX + name, text, labels=tuple(labels))
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def gauge(name: str, text: str, values: Mapping[Any, float], labels: Iterable[str] = ()) -> Metric:
    """A family of present values."""
    family = GaugeMetricFamily(PREFIX + name, text, labels=tuple(labels))
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def histogram(name: str, text: str, values: Mapping[Any, Histogram], labels: Iterable[str] = ()) -> Metric:
    """A family of distributions."""
    family = HistogramMetricFamily(PREFIX + name, text, labels=tuple(labels))
    for key, value in values.items():
        family.add_metric(key, value.cumulative(), value.sum)
    return family


def one(value: float) -> dict[tuple[str, ...], float]:
    """The value of a family without labels."""
    return {(): value}


def named(values: Mapping[Any, float]) -> dict[tuple[str, ...], float]:
    """The values of a family with one label."""
    return {(str(name),): value for name, value in values.items()}


class ServiceCollector(Collector):
    """Reads a service as it is at the moment of asking."""

    def __init__(self, service: Service, http: HttpCounts) -> None:
        self._service, self._http = service, http

    def collect(self) -> Iterator[Metric]:
        yield from self._build()
        yield from self._runs()
        yield from self._live()
        yield from self._worker()
        yield from self._store()
        yield from self._requests()

    def _build(self) -> Iterator[Metric]:
        labels = ("version", "python", "database")
        database = "postgresql" if isinstance(self._service.settings.database, str) else "sqlite"
        values = {(__version__, platform.python_version(), database): 1.0}
        yield gauge("build_info", "What runs here; the value is always 1.", values, labels)

    def _runs(self) -> Iterator[Metric]:
        runs = list(self._service.runs.values())
        states = Counter(run.state for run in runs)
        yield gauge("runs", "Stored runs by state.", named({state: states[state] for state in STATES}), ["state"])
        asleep = sum(run.asleep for run in runs)
        yield gauge("runs_asleep", "Running runs that wait for somebody to look.", one(asleep))
        limit = self._service.settings.max_runs
        yield gauge("runs_limit", "Runs that may be queued, running or paused at once.", one(limit))

    def _live(self) -> Iterator[Metric]:
        hub, fanout = self._service.hub, self._service.fanout
        live = hub.counts()
        yield gauge("viewers", "Viewers that see a run just now.", one(live.seeing))
        yield gauge("sockets", "Open live sockets.", one(len(hub.everybody())))
        yield gauge("sockets_limit", "Live sockets that may be open.", one(self._service.settings.max_viewers))
        text = "Live sockets that the service closed, by close code."
        yield counter("sockets_closed", text, named(hub.closed), ["code"])
        text = "Live sockets that were not let in, by close code."
        yield counter("sockets_refused", text, named(hub.refused), ["code"])
        yield counter("ticks_published", "Ticks that came from the worker.", one(hub.published))
        yield counter("ticks_sent", "Ticks sent, counted once a viewer.", one(live.sent))
        text = "Ticks that a newer one replaced before a viewer took them, counted once a viewer."
        yield counter("ticks_dropped", text, one(live.dropped))
        yield counter("events", "Events of runs, by type.", named(hub.said), ["type"])
        yield gauge("events_waiting", "Messages that wait for viewers to take them.", one(live.waiting))
        yield gauge("events_waiting_bytes", "Bytes of these messages.", one(live.waiting_bytes))
        text = "From when a socket had something to send until it was sent; the longest of each portion of sockets."
        yield histogram("fanout_lag_seconds", text, {(): fanout.lag})
        yield gauge("fanout_waiting", "Sockets that have something to send and wait their turn.", one(fanout.waiting))

    def _worker(self) -> Iterator[Metric]:
        engine = self._service.engine
        known = engine.figures
        yield gauge("worker_up", "1 while the worker takes requests.", one(float(engine.ready)))
        yield counter("worker_restarts", "Workers that ended without being told to.", one(known.restarts))
        yield gauge("worker_silence_seconds", "Since the worker last said anything.", one(known.silence))
        yield counter("steps", "Training steps, by method.", named(known.tally.steps), ["method"])
        timed = {(method,): seconds for method, seconds in known.tally.step_seconds.items()}
        yield histogram("step_seconds", "The device's time for a training step, by method.", timed, ["method"])
        outcomes = {outcome: known.tally.evaluations[outcome] for outcome in ("done", "failed")}
        yield counter("evaluations", "Evaluations that ended, by outcome.", named(outcomes), ["outcome"])
        yield gauge("evaluations_running", "Evaluations under way or waiting their turn.", one(known.evaluating))
        text = "Ticks that a newer one replaced in the worker before the service took them."
        yield counter("worker_ticks_replaced", text, one(known.tally.ticks_replaced))
        memory = {(engine.device, kind): float(size) for kind, size in known.memory.items()}
        yield gauge("device_memory_bytes", "Memory of the training device.", memory, ["device", "kind"])

    def _store(self) -> Iterator[Metric]:
        service = self._service
        database, backlog = service.repository.database, service.journal.backlog()
        yield histogram("database_write_seconds", "Time of a write transaction.", {(): database.write_seconds})
        yield counter("database_write_failures", "Write transactions that failed.", one(database.write_failures))
        yield gauge("journal_items", "Events and pieces of metrics that wait for the database.", one(backlog.items))
        yield gauge("journal_bytes", "Bytes of the metrics among them.", one(backlog.bytes))
        text = "Since anything was written of what has waited longest; 0 while nothing waits."
        yield gauge("journal_stalled_seconds", text, one(backlog.stalled))
        text = "Parts of runs' histories that had no room to wait in."
        yield counter("journal_dropped", text, one(service.journal.dropped))
        stock = service.housekeeping.known
        kept = {} if stock is None else {sector: float(getattr(stock, sector)) for sector in SECTORS}
        yield gauge("store_bytes", "Bytes in the data folder and the database, by part.", named(kept), ["part"])
        bound = service.settings.store_gb * GIGABYTE
        yield gauge("store_limit_bytes", "Bytes that all but the images may take.", one(bound))
        try:
            free = one(shutil.disk_usage(service.settings.data_dir).free)
        except OSError:
            free = {}
        yield gauge("disk_free_bytes", "Bytes free on the disk of the data folder.", free)

    def _requests(self) -> Iterator[Metric]:
        counts = {(method, route, str(status)): n for (method, route, status), n in self._http.requests.items()}
        text = "HTTP requests answered, by method, route and status."
        yield counter("http_requests", text, counts, ["method", "route", "status"])
        text = "Time until an HTTP request was answered to the end."
        yield histogram("http_request_seconds", text, self._http.seconds, ["method", "route"])
