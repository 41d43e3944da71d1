"""An HL7 receiver on the server of the package `hl7`: as a thread of a test, or as a process of its own.

What it acknowledges it has written to a file and flushed before; the same control id again is answered again
and noted once more, so that a test sees what came twice.
"""

import asyncio
import json
import os
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import hl7
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server

LIMIT = 1 << 26
Answer = Callable[[hl7.Message], bytes | None]


def accept(message: hl7.Message) -> bytes:
    return str(message.create_ack("AA")).encode()


async def serve(
    port: int,
    log: Path,
    answer: Answer = accept,
    context: ssl.SSLContext | None = None,
    ready: Callable[[int], None] = lambda port: None,
) -> None:
    """Serve until cancelled; ``log`` gets one line of JSON for each message."""

    async def talk(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        try:
            while True:
                block = await reader.readblock()
                message = hl7.parse(block.decode("utf-8"))
                line = {"control": str(message["MSH"][0][10]), "message": block.decode("utf-8")}
                with log.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                said = answer(message)
                if said is None:
                    break
                writer.writeblock(said)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await start_hl7_server(talk, "127.0.0.1", port, limit=LIMIT, ssl=context)
    ready(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


@contextmanager
def receiving(log: Path, answer: Answer = accept, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A receiver in a thread, and its port."""
    loop = asyncio.new_event_loop()
    started = threading.Event()
    ports: list[int] = []

    def ready(port: int) -> None:
        ports.append(port)
        started.set()

    async def run() -> None:
        await serve(0, log, answer, context, ready)

    task = loop.create_task(run())

    def work() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass
        finally:
            loop.run_until_complete(_end(loop))
            loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert started.wait(10)
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)


async def _end(loop: asyncio.AbstractEventLoop) -> None:
    """Let the connections' tasks end, which would warn of being left behind."""
    others = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)


def received(log: Path) -> list[dict[str, str]]:
    """What a receiver wrote."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
