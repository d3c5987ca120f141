"""What can be read off the books of a traffic: lost, doubled, out of order, and how long."""

from dataclasses import dataclass
from itertools import pairwise

from tests.faults.traffic import Member, Traffic

# A message that takes longer was kept waiting by somebody. Generous: this machine is shared.
SECONDS_ON_TIME = 0.25


@dataclass(frozen=True)
class Story:
    """What one listener got of one speaker; times are those of saying."""

    listener: Member
    speaker: Member
    lost: list[float]
    late: list[float]
    doubled: int
    reordered: int
    slowest: float


@dataclass(frozen=True)
class Account:
    """All of it in numbers. `restored`: seconds from the repair until all arrives in time."""

    sent: int
    positions_skipped: int
    chat_lost: int
    chat_told: int
    unexplained: int
    doubled: int
    reordered: int
    lost_at_home: int
    slowest_at_home: float
    restored: float


def account_of(traffic: Traffic, repaired_at: float, homes: str = "ab") -> Account:
    """Add everything up; `homes` are the nodes whose members were connected all the time.

    Who connects again gets again what is retained: that is not counted as doubled.
    """
    stories = [_story(*pair) for pair in traffic.pairs()]
    steady = [each for each in stories if each.listener.name in homes]
    own = [each for each in stories if each.listener is each.speaker]
    home = [each for each in steady if each.listener is each.speaker]
    remote = [each for each in stories if each.listener is not each.speaker]
    chat = [each for each in remote if not each.speaker.is_camera]
    bad = [at for each in remote for at in (*each.lost, *each.late)]
    return Account(
        sent=sum(len(each.speaker.said) for each in own),
        positions_skipped=sum(len(each.lost) for each in remote if each.speaker.is_camera),
        chat_lost=sum(len(each.lost) for each in chat),
        chat_told=sum(each.speaker.told("not-carried") for each in chat),
        unexplained=sum(len(each.lost) for each in chat if not _is_explained(each)),
        doubled=sum(each.doubled for each in steady),
        reordered=sum(each.reordered for each in steady),
        lost_at_home=sum(len(each.lost) for each in home),
        slowest_at_home=max(each.slowest for each in home),
        restored=max([at - repaired_at for at in bad] + [0.0]),
    )


def _story(listener: Member, speaker: Member) -> Story:
    heard = listener.heard_of(speaker.name)
    numbers = [each.number for each in heard]
    delays = {each.number: each.at - speaker.said[each.number] for each in heard}
    return Story(
        listener=listener,
        speaker=speaker,
        lost=[at for number, at in enumerate(speaker.said) if number not in delays],
        late=[speaker.said[n] for n, delay in delays.items() if delay > SECONDS_ON_TIME],
        doubled=len(numbers) - len(set(numbers)),
        reordered=sum(later < earlier for earlier, later in pairwise(numbers)),
        slowest=max(delays.values(), default=0.0),
    )


def _is_explained(story: Story) -> bool:
    """The speaker was told of every line, or the listener that there is a gap."""
    told = story.speaker.told("not-carried")
    return len(story.lost) <= told or story.listener.told("gap") > 0
