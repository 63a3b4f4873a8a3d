"""Distance: a TCP relay on 127.0.0.1 that delays what passes, as a long link does, at full throughput."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, TypeAlias

_CHUNK = 64 * 1024
_QUEUED = 256  # chunks in flight per direction, 16 MiB at most: a window that 50 ms of a fast link fits in

_Queue: TypeAlias = "asyncio.Queue[tuple[float, bytes]]"  # when a chunk is due, in the loop's time


class Link:
    """`with Link(("127.0.0.1", 2222), delay=0.025) as port:` gives a port that is 50 ms of round trip away.

    `delay` is in seconds, one way. A new connection takes what a handshake over such a link takes. Everything
    ends with the block. Raises OSError when no port can be had.
    """

    def __init__(self, place: tuple[str, int], delay: float = 0.025) -> None:
        self._place = place
        self._delay = delay
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="link", daemon=True)
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._relay, sock=listener, limit=_CHUNK))
        return int(listener.getsockname()[1])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    def cut(self) -> None:
        """Break every connection at once, mid-stream; new ones can be made."""
        self._call(self._cut())

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=5)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._cut()

    async def _cut(self) -> None:
        broken = list(self._connections)
        for connection in broken:
            connection.cancel()
        await asyncio.gather(*broken, return_exceptions=True)

    async def _relay(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        there: _Queue = asyncio.Queue(_QUEUED)
        back: _Queue = asyncio.Queue(_QUEUED)
        ends, flows = [near_out], [self._loop.create_task(self._take(near_in, there))]
        try:
            # Our client is connected already. On a real link its handshake would have taken two delays, and
            # the last third of it, which lets the server speak, one more.
            await asyncio.sleep(3 * self._delay)
            far_in, far_out = await asyncio.open_connection(*self._place, limit=_CHUNK)
            ends.append(far_out)
            rest = (self._give(there, far_out), self._take(far_in, back), self._give(back, near_out))
            flows += [self._loop.create_task(work) for work in rest]
            await asyncio.gather(*flows)
            for end in ends:
                end.close()  # sends what is still buffered
        except (OSError, asyncio.CancelledError):
            for end in ends:
                _reset(end)  # one side is gone, or `cut` was called: so is the other
        finally:
            for flow in flows:
                flow.cancel()
            self._connections.discard(connection)

    async def _take(self, source: asyncio.StreamReader, queue: _Queue) -> None:
        chunk = b"-"
        while chunk:
            chunk = await source.read(_CHUNK)
            await queue.put((self._loop.time() + self._delay, chunk))

    async def _give(self, queue: _Queue, sink: asyncio.StreamWriter) -> None:
        while True:
            due, chunk = await queue.get()
            await asyncio.sleep(due - self._loop.time())
            if not chunk:
                sink.write_eof()  # the other direction may go on
                return
            sink.write(chunk)
            await sink.drain()


def _reset(end: asyncio.StreamWriter) -> None:
    # Without the lingering the peer would read an orderly end of what was sent so far.
    now = struct.pack("ii", 1, 0)
    end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
    end.transport.abort()
