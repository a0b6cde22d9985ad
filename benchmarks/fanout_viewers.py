"""What viewers.c does, for machines without a C compiler: `python -m benchmarks.fanout_viewers PORT PATH COUNT`."""

from __future__ import annotations

import json
import selectors
import socket
import struct
import sys
import time
from collections import Counter

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri


class Viewer:
    """One socket."""

    def __init__(self, port: int, path: str) -> None:
        self.protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}{path}"), max_size=None)
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.protocol.send_request(self.protocol.connect())
        self.begun, self.frames = False, 0
        self.flush()
        self.socket.setblocking(False)

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.socket.sendall(data)


class Crowd:
    """All sockets."""

    def __init__(self, port: int, path: str, count: int) -> None:
        self.port, self.path, self.count = port, path, count
        self.poller, self.viewers = selectors.DefaultSelector(), list[Viewer]()
        self.late: Counter[int] | None = None

    def connect(self) -> dict[str, float]:
        started = time.monotonic()
        for viewer in self.viewers:
            self.poller.unregister(viewer.socket)
            viewer.socket.close()
        self.viewers = []
        for _ in range(self.count):
            viewer = Viewer(self.port, self.path)
            self.viewers.append(viewer)
            self.poller.register(viewer.socket, selectors.EVENT_READ, viewer)
            self.turn(0)
        while not all(viewer.begun for viewer in self.viewers):
            self.turn(0.1)
            if time.monotonic() - started > 120:
                raise SystemExit("not all got a frame within 120 seconds")
        return {"seconds": time.monotonic() - started}

    def measure(self, seconds: float) -> dict[str, object]:
        self.late, started, used = Counter(), time.monotonic(), time.process_time()
        for viewer in self.viewers:
            viewer.frames = 0
        while time.monotonic() < started + seconds:
            self.turn(0.01)
        found, self.late = self.late, None
        frames = [viewer.frames for viewer in self.viewers]
        return {
            "seconds": time.monotonic() - started,
            "frames": sum(frames),
            "least": min(frames),
            "cpu": time.process_time() - used,
            "late": sorted(found.items()),
        }

    def turn(self, wait: float) -> None:
        """Read what is there."""
        for key, _ in self.poller.select(wait):
            if key.data is None:
                self.obey()
                return  # what was ready may have changed meanwhile
            viewer: Viewer = key.data
            data = viewer.socket.recv(1 << 18)
            if not data:
                raise SystemExit("the server closed a socket")
            viewer.protocol.receive_data(data)
            now = time.monotonic()
            for event in viewer.protocol.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.BINARY:
                    viewer.begun = True
                    if self.late is not None:
                        viewer.frames += 1
                        self.late[max(0, int((now - struct.unpack("<d", event.data[-8:])[0]) * 1e5))] += 1
            viewer.flush()

    def obey(self) -> None:
        """One order of stdin."""
        self.poller.unregister(sys.stdin)
        word, *numbers = sys.stdin.readline().split() or ["quit"]
        if word == "quit":
            raise SystemExit(0)
        print(json.dumps(self.measure(float(numbers[0])) if word == "measure" else self.connect()), flush=True)
        self.poller.register(sys.stdin, selectors.EVENT_READ)


def main() -> None:
    crowd = Crowd(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    crowd.poller.register(sys.stdin, selectors.EVENT_READ)
    while True:
        crowd.turn(1.0)


if __name__ == "__main__":
    main()
