"""Associations that we open: beside ours works a thread of pynetdicom's."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from dicom.peers import Peer, RejectedError, _Entity, association
from dicom.receiver import Receiver


class LateEvent(threading.Event):
    """Lets its waiters go a little after they may, as a busy machine does."""

    def wait(self, timeout: float | None = None) -> bool:
        found = super().wait(timeout)
        time.sleep(0.05)
        return found


def test_a_reply_is_left_to_who_asked_on_a_busy_machine(
    start_receiver: Callable[..., Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = start_receiver()
    peer = Peer(receiver.config.ae_title, "127.0.0.1", receiver.port)
    with association(peer, "CAMERA", [build_context(Verification)], timeout=2) as opened:
        late: Any = LateEvent()
        late.set()
        opened._reactor_checkpoint = late
        time.sleep(0.2)  # the thread has taken note of it
        send = opened.dimse.send_msg

        def send_and_be_late(*message: Any) -> None:
            send(*message)
            time.sleep(0.1)

        monkeypatch.setattr(opened.dimse, "send_msg", send_and_be_late)
        assert opened.send_c_echo().get("Status") == 0


def test_a_rejection_is_heard_however_late_we_look(
    start_receiver: Callable[..., Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = start_receiver()
    create = _Entity._create_socket

    def create_late(entity: _Entity, *args: Any) -> Any:
        transport = create(entity, *args)
        transport._ready = LateEvent()
        return transport

    monkeypatch.setattr(_Entity, "_create_socket", create_late)
    nobody = Peer("NOBODY", "127.0.0.1", receiver.port)
    asking = association(nobody, "CAMERA", [build_context(Verification)], timeout=2)
    with pytest.raises(RejectedError, match="Called AE title"), asking:
        pass
