import os
import signal

import pytest

from offmanifold._core.interrupts import deferred_interrupt


def test_a_second_ctrl_c_stops_at_once():
    def press_twice() -> None:
        with deferred_interrupt() as interrupted:
            assert not interrupted()
            os.kill(os.getpid(), signal.SIGINT)
            assert interrupted()
            os.kill(os.getpid(), signal.SIGINT)
            raise AssertionError("went on")

    with pytest.raises(KeyboardInterrupt):
        press_twice()


def test_the_handler_of_before_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with deferred_interrupt() as interrupted:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted()
    assert signal.getsignal(signal.SIGINT) is before
