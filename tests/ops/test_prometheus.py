"""Metrics as Prometheus reads them."""

import os

from prometheus_client.parser import text_string_to_metric_families

from camrelay.ops.families import counter, gauge
from camrelay.ops.prometheus import exposition, of_process, of_python


def test_what_is_told_can_be_read() -> None:
    """Names, kinds, labels and numbers, by the library's own reader."""
    told = exposition(
        [
            counter("camrelay_dropped", 'What "was"\ndropped.', {('a"\\\n',): 3}, ("reason",)),
            gauge("camrelay_rooms", "Rooms.", 2),
        ]
    )
    dropped, rooms = text_string_to_metric_families(told.decode())
    assert (dropped.name, dropped.type) == ("camrelay_dropped", "counter")
    assert dropped.documentation == 'What "was"\ndropped.'
    assert dropped.samples[0].labels == {"reason": 'a"\\\n'}
    assert dropped.samples[0].value == 3
    assert (rooms.name, rooms.type, rooms.samples[0].value) == ("camrelay_rooms", "gauge", 2)


def test_a_process_tells_what_it_costs() -> None:
    """Our own, or another one of the same user."""
    for families in (of_process(), of_process(os.getppid())):
        names = {family.name for family in families}
        assert {"process_resident_memory_bytes", "process_cpu_seconds", "process_open_fds"} <= names


def test_a_process_that_is_gone_tells_nothing() -> None:
    """A worker may die in the middle of a scrape."""
    assert of_process(2**22 + 1) == []


def test_python_tells_its_version() -> None:
    """As a number that is still 1 when several processes are told as one."""
    info = next(family for family in of_python() if family.name == "python_info")
    assert (info.samples[0].value, info.together) == (1.0, "max")
