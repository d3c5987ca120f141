"""The metrics of a real server, read as Prometheus reads them."""

import http.client
import time
from collections.abc import Callable, Iterable

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.admin import ADMIN_LINE, SECONDS
from tests.support.process import Process


class Scrape:
    """The answer to one scrape."""

    def __init__(self, text: str) -> None:
        """`text` as it came over the wire."""
        self.text = text
        self.families: Iterable[Metric] = list(text_string_to_metric_families(text))

    @property
    def names(self) -> set[str]:
        """Every name that an expression may use."""
        return {sample.name for family in self.families for sample in family.samples}

    def value(self, name: str, **labels: str) -> float:
        """The sum of all numbers of that name with these labels."""
        found = [
            sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        assert found, f"no {name} with {labels} in\n{self.text}"
        return sum(found)


def ask(server: Process, path: str) -> tuple[http.client.HTTPResponse, str]:
    """What the admin listener of `server`, started with ADMIN, answers."""
    port = int(server.wait_for_log(ADMIN_LINE)[1])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request("GET", path)
    response = connection.getresponse()
    return response, response.read().decode()


def scrape(server: Process) -> Scrape:
    """The metrics now."""
    response, text = ask(server, "/metrics")
    assert response.status == 200
    return Scrape(text)


def scrape_until(server: Process, condition: Callable[[Scrape], bool]) -> Scrape:
    """The metrics, once `condition` holds for them."""
    deadline = time.monotonic() + SECONDS
    while True:
        found = scrape(server)
        if condition(found):
            return found
        assert time.monotonic() < deadline, f"it never came to that:\n{found.text}"
