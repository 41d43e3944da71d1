"""The HL7 v2 listener: MLLP connections in, acknowledgements out, one message of a connection at a time."""

import asyncio
import contextlib
import datetime as dt
import os
import signal
import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address

import structlog
from sqlalchemy import Engine

from dicom.tls import server_context
from grading.errors import PermanentError
from service.database import DatabaseUnavailableError
from service.hl7.inbound import Header
from service.hl7.mailbox import apply_planned, forget, take_message
from service.hl7.mllp import END, START
from service.hl7.problems import NO_MESSAGE, MessageProblemError
from service.hl7.reply import problem_answer
from service.listener_settings import ListenerSettings
from service.server_settings import TlsSettings

log = structlog.get_logger()

UPKEEP_SECONDS = 3600.0
PARENT_SECONDS = 1.0


class ListenerError(PermanentError):
    """The address of the HL7 listener cannot be used."""

    code = "listener.listen"


def run_listener(engine: Engine, settings: ListenerSettings) -> None:
    """Listen until SIGINT or SIGTERM, or until the process that started it is gone.

    Raises:
        ListenerError: there is no port, or it cannot be listened on.
        CertificateError: TLS is to be spoken, with files that cannot be used.
    """
    asyncio.run(Listener(engine, settings).run())


@dataclass
class Listener:
    """A listener over the records. ``port`` is known once it is ready; ``stop`` ends it."""

    engine: Engine
    settings: ListenerSettings
    port: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _connections: int = 0

    async def run(self) -> None:
        """Serve until ``stop`` is set. Raises as `run_listener` does."""
        chosen = self.settings
        if chosen.port is None:
            raise ListenerError("the HL7 listener has no port: set FACIALIS_LISTENER__PORT")
        try:
            server = await asyncio.start_server(
                self._talk, chosen.host, chosen.port, ssl=_context(chosen.tls), limit=chosen.max_message_bytes
            )
        except OSError as error:
            raise ListenerError(
                f"cannot listen on {chosen.host}:{chosen.port} ({error.strerror}); set "
                "FACIALIS_LISTENER__HOST and FACIALIS_LISTENER__PORT"
            ) from error
        self.port = server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        with contextlib.suppress(RuntimeError, ValueError):  # only the main thread hears signals
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self.stop.set)
        upkeep = loop.create_task(self._upkeep())
        self.ready.set()
        parent = os.getppid()
        async with server:
            while not self.stop.is_set() and os.getppid() == parent:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), PARENT_SECONDS)
        upkeep.cancel()
        await asyncio.gather(upkeep, return_exceptions=True)

    async def _upkeep(self) -> None:
        while True:
            try:
                await asyncio.to_thread(apply_planned, self.engine, self.settings)
                await asyncio.to_thread(forget, self.engine, self.settings)
            except DatabaseUnavailableError as error:
                log.warning("listener.upkeep", code=error.code)
            await asyncio.sleep(UPKEEP_SECONDS)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first message to its end."""
        address = str((writer.get_extra_info("peername") or ("",))[0])
        refusal = self._refusal(address)
        self._connections += 1
        try:
            if refusal is not None:
                log.warning("listener.connection_refused", address=address, reason=refusal)
                return
            while (block := await self._next_block(reader, writer, address)) is not None:
                answer = await asyncio.to_thread(take_message, self.engine, block, address, self.settings)
                writer.write(START + answer + END)
                await writer.drain()
        except DatabaseUnavailableError as error:
            # Without an answer the sender keeps the message and sends it again.
            log.error("listener.not_kept", code=error.code)
        except (ConnectionError, TimeoutError, ssl.SSLError):
            log.info("listener.connection_broke", address=address)
        finally:
            self._connections -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _refusal(self, address: str) -> str | None:
        known = self.settings.known_addresses
        if known and not any(ip_address(address) in network for network in known):
            return "address"
        return "too many connections" if self._connections >= self.settings.max_connections else None

    async def _next_block(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str
    ) -> bytes | None:
        """The next message without its frame; None at the end, or once the frame is broken, which is told."""
        try:
            first = await reader.readexactly(1)
            while first in b"\r\n":  # some senders write line ends between messages
                first = await reader.readexactly(1)
        except asyncio.IncompleteReadError:
            return None
        broken = "the message does not start with 0x0B"
        if first == START:
            try:
                found = await asyncio.wait_for(reader.readuntil(END), self.settings.message_seconds)
                return found.removesuffix(END)
            except asyncio.LimitOverrunError:
                broken = f"the message has more than {self.settings.max_message_bytes} bytes"
            except (asyncio.IncompleteReadError, TimeoutError):
                broken = "the message's end, 0x1C 0x0D, did not come"
        await self._broken(writer, address, broken)
        return None

    async def _broken(self, writer: asyncio.StreamWriter, address: str, words: str) -> None:
        """Answer AR to bytes that are no framed message; where the next one would start is not known."""
        log.warning("listener.broken_frame", address=address, reason=words)
        problem = MessageProblemError(NO_MESSAGE, words, reject=True)
        writer.write(START + problem_answer(Header(), problem, dt.datetime.now(dt.UTC)).message + END)
        await writer.drain()


def _context(tls: TlsSettings) -> ssl.SSLContext | None:
    if tls.certificate is None or tls.key is None:
        return None
    return server_context(tls.certificate, tls.key, tls.authorities, require_client=tls.require_client)
