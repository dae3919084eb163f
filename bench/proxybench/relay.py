"""A line with a round trip: a TCP relay that delays connections and bytes."""

import asyncio
import threading


class Relay:
    """Forwards 127.0.0.1:`port` to another loopback port, like a line with `round_trip` seconds.

    A connection reaches the other side a round trip after it was made, as with TCP's
    handshake; bytes, and the end of a stream, take half of one each way.
    """

    def __init__(self, to_port, round_trip):
        self._to_port = to_port
        self._round_trip = round_trip
        self._started = threading.Event()
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._started.wait()

    def close(self):
        """Ends the relay and all its connections."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader, writer):
        await asyncio.sleep(self._round_trip)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.transport.abort()
            return
        try:
            await asyncio.gather(self._forward(reader, far_writer),
                                 self._forward(far_reader, writer))
        except asyncio.CancelledError:    # by close()
            writer.transport.abort()
            far_writer.transport.abort()

    async def _forward(self, reader, writer):
        """Each piece is passed on half a round trip after it arrived, in order."""
        late = asyncio.Queue()
        delivery = asyncio.ensure_future(self._deliver(late, writer))
        while True:
            try:
                data = await reader.read(65536)
            except OSError:
                data = b""
            late.put_nowait((self._loop.time() + self._round_trip / 2, data))
            if not data:
                break
        await delivery

    async def _deliver(self, late, writer):
        while True:
            due, data = await late.get()
            await asyncio.sleep(max(0, due - self._loop.time()))
            try:
                if not data:
                    writer.close()
                    return
                writer.write(data)
                await writer.drain()
            except OSError:
                return
