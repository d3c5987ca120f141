"""A link that finds the master through Sentinels."""

import pytest
import pytest_twisted
from twisted.logger import capturedLogs

from camrelay.redis.state import State
from tests.support.links import Inbox, StartLink, within
from tests.support.sentinel import Replicated


@pytest_twisted.ensureDeferred
async def test_the_master_is_found(replicated: Replicated, start_link: StartLink) -> None:
    """The link ends at the master, although the first Sentinel of the URL is gone."""
    link = start_link(replicated.url)
    await within(link.when_up())
    assert len(replicated.master.clients()) == 2
    assert replicated.replica.clients() == []


@pytest_twisted.ensureDeferred
async def test_an_unknown_master_is_told(replicated: Replicated, start_link: StartLink) -> None:
    """The reason holds what each Sentinel said."""
    link = start_link(replicated.url.replace("mymaster", "yours"))
    status = await link.until(State.DOWN)
    assert "'yours'" in status.reason
    assert "nothing listens there" in status.reason
    assert "knows no such master" in status.reason


@pytest_twisted.ensureDeferred
async def test_what_is_no_sentinel_is_told(mail_server: int, start_link: StartLink) -> None:
    """Something else at the address of a Sentinel; the log has no traceback."""
    with capturedLogs() as events:
        link = start_link(f"redis+sentinel://127.0.0.1:{mail_server}/mymaster")
        status = await link.until(State.DOWN)
    assert "what answers there is no Sentinel" in status.reason
    assert [event for event in events if "log_failure" in event] == []


@pytest_twisted.ensureDeferred
async def test_asking_is_not_worth_a_line_in_the_log(
    replicated: Replicated, start_link: StartLink
) -> None:
    """It happens before every connection: of those the link tells itself."""
    with capturedLogs() as events:
        await within(start_link(replicated.url).when_up())
    assert [event for event in events if event["log_namespace"].startswith("twisted.")] == []


@pytest_twisted.ensureDeferred
async def test_a_password_is_for_the_master_and_does_no_harm_elsewhere(
    replicated: Replicated, start_link: StartLink
) -> None:
    """Sentinels without a password are asked all the same."""
    replicated.master.set_password("secret")
    link = start_link(replicated.url.replace("//", "//:secret@"))
    await within(link.when_up())
    assert len(replicated.master.clients()) == 2


@pytest_twisted.ensureDeferred
async def test_a_replica_that_was_taken_for_the_master_is_left(
    replicated: Replicated, start_link: StartLink
) -> None:
    """When the server refuses writes, the Sentinels are asked again."""
    link = start_link(replicated.url)
    await within(link.when_up())
    replicated.master.command("REPLICAOF", "127.0.0.1", 1)
    await link.until(State.DOWN, "it is a replica")
    replicated.master.command("REPLICAOF", "NO", "ONE")
    await within(link.when_up())


@pytest.mark.faults
@pytest_twisted.ensureDeferred
async def test_the_link_follows_a_failover(replicated: Replicated, start_link: StartLink) -> None:
    """When the master dies the replica becomes the master, and the link ends there."""
    link = start_link(replicated.url)
    inbox = Inbox()
    assert await within(link.subscribe(b"room", inbox))
    await within(link.when_up())
    replicated.master.kill()
    await link.until(State.DOWN)
    await within(link.when_up())
    assert len(replicated.replica.clients()) == 2
    await within(link.publish(b"room", b"after"))
    await inbox.holds(1)
