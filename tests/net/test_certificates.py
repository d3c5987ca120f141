"""All certificates of a server together: several of them, what is refused, and when they end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_twisted
import trustme
from twisted.internet.threads import deferToThread

from camrelay.core.errors import StartError
from camrelay.net.certificate_files import PairFiles
from camrelay.net.certificates import Certificates, CertificateSources
from camrelay.net.watched import PATIENCE
from tests.support.certificates import AUTHORITY, issue, serial_in, serial_shown, write
from tests.support.tls_echo import echo_over_tls

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class Notes:
    """A journal that keeps what it is told."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.shown: list[tuple[str, list[str]]] = []
        self.refused: list[str] = []
        self.read: list[tuple[int, int]] = []
        self.ends: list[tuple[str, int]] = []

    def certificate_shown(self, path: str, names: list[str], end: datetime) -> None:
        """The name of the file and what it is for."""
        self.shown.append((Path(path).name, names))

    def certificate_refused(self, why: str) -> None:
        """The line."""
        self.refused.append(why)

    def certificates_read(self, usable: int, refused: int) -> None:
        """How many."""
        self.read.append((usable, refused))

    def certificate_ends(self, path: str, days: int, end: datetime) -> None:
        """The name of the file and the days."""
        self.ends.append((Path(path).name, days))


class Keeper:
    """Certificates, with a clock that a test moves."""

    def __init__(self, sources: CertificateSources) -> None:
        """Nothing was read."""
        self.now = NOW
        self.notes = Notes()
        self.certificates = Certificates(sources, self.notes, lambda: self.now)

    def load(self) -> "Keeper":
        """Read everything for the first time."""
        self.certificates.load()
        return self

    def look(self) -> None:
        """Look until whatever has changed is read or refused."""
        for _ in range(PATIENCE + 2):
            self.certificates.look()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for certificates."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    return folder


def of_folder(folder: Path, pair: Path | None = None) -> Keeper:
    """What `--certificate-dir` gives, and `--certificate`."""
    files = None if pair is None else PairFiles(pair)
    return Keeper(CertificateSources(files, folder))


async def shown(keeper: Keeper, *names: str | None) -> list[int]:
    """The serial numbers that clients see who ask for these names, one after the other."""
    async with echo_over_tls(keeper.certificates.current) as port:
        return [await deferToThread(serial_shown, port, name) for name in names]


# Several


@pytest_twisted.ensureDeferred
async def test_everybody_sees_the_certificate_asked_for(folder: Path) -> None:
    """By exact name and by wildcard; whoever asks for neither sees the first by file name."""
    first = issue(folder / "a.pem", "a.example")
    wild = issue(folder / "b.pem", "*.b.example")
    keeper = of_folder(folder).load()
    serials = await shown(keeper, "a.example", "X.B.Example", "x.y.b.example", "z.example", None)
    one, other = serial_in(first), serial_in(wild)
    assert serials == [one, other, one, one, one]


@pytest_twisted.ensureDeferred
async def test_the_pair_that_was_named_comes_before_the_folder(
    folder: Path, tmp_path: Path
) -> None:
    """It is the one for whoever asks for no name."""
    issue(folder / "a.pem", "a.example")
    named = issue(tmp_path / "z.pem", "z.example")
    assert await shown(of_folder(folder, named).load(), None) == [serial_in(named)]


@pytest_twisted.ensureDeferred
async def test_keys_may_lie_beside_their_certificates(folder: Path) -> None:
    """NAME.key belongs to NAME.pem."""
    leaf = AUTHORITY.issue_cert("a.example")
    write(folder / "a.pem", leaf.cert_chain_pems[0].bytes())
    write(folder / "a.key", leaf.private_key_pem.bytes())
    assert await shown(of_folder(folder).load(), "a.example") == [serial_in(folder / "a.pem")]


@pytest_twisted.ensureDeferred
async def test_a_certificate_that_is_added_is_shown(folder: Path) -> None:
    """One more host needs neither a restart nor a signal."""
    issue(folder / "a.pem", "a.example")
    keeper = of_folder(folder).load()
    added = issue(folder / "b.pem", "b.example")
    keeper.look()
    assert await shown(keeper, "b.example") == [serial_in(added)]
    assert keeper.notes.shown[1:] == [("b.pem", ["b.example"])]


@pytest_twisted.ensureDeferred
async def test_a_certificate_that_is_taken_away_is_shown_no_more(folder: Path) -> None:
    """Its clients see the first, as those do who ask for what was never there."""
    first = issue(folder / "a.pem", "a.example")
    taken = issue(folder / "b.pem", "b.example")
    keeper = of_folder(folder).load()
    taken.unlink()
    keeper.look()
    assert await shown(keeper, "b.example") == [serial_in(first)]


@pytest_twisted.ensureDeferred
async def test_an_empty_folder_is_taken_for_a_mistake(folder: Path) -> None:
    """What was shown before is shown on."""
    only = issue(folder / "a.pem", "a.example")
    serial = serial_in(only)
    keeper = of_folder(folder).load()
    only.unlink()
    keeper.look()
    assert await shown(keeper, "a.example") == [serial]
    (line,) = {line.partition(": put")[0] for line in keeper.notes.refused if "holds no" in line}
    assert line == f"--certificate-dir: '{folder}' holds no certificate"


def test_unfinished_files_are_passed_over(folder: Path) -> None:
    """Programs that write carefully begin with a dot."""
    issue(folder / "a.pem", "a.example")
    write(folder / ".b.pem", b"half")
    write(folder / "README", b"what is this?")
    notes = of_folder(folder).load().notes
    assert ([name for name, _ in notes.shown], notes.refused) == (["a.pem"], [])


@pytest_twisted.ensureDeferred
async def test_a_key_that_turns_up_and_does_not_fit_is_refused(folder: Path) -> None:
    """It would count from now on, instead of the one in the file; what was shown is shown on."""
    file = issue(folder / "a.pem", "a.example")
    issue(folder / "b.pem", "b.example")
    keeper = of_folder(folder).load()
    write(folder / "a.key", AUTHORITY.issue_cert("a.example").private_key_pem.bytes())
    keeper.look()
    assert "holds a key that the certificate was not made for" in keeper.notes.refused[0]
    assert await shown(keeper, "a.example") == [serial_in(file)]


# Refusals


def test_one_bad_certificate_of_several_does_not_stop_the_start(folder: Path) -> None:
    """The other hosts have clients, too."""
    issue(folder / "a.pem", "a.example", not_before=NOW - 9 * DAY, not_after=NOW - DAY)
    issue(folder / "b.pem", "b.example")
    keeper = of_folder(folder).load()
    assert [name for name, _ in keeper.notes.shown] == ["b.pem"]
    (line,) = keeper.notes.refused
    assert line.startswith(f"--certificate-dir: '{folder / 'a.pem'}' expired on ")
    assert keeper.certificates.refused == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "holds no certificate: put NAME.pem there, with the key in it or in NAME.key"),
        (AUTHORITY.cert_pem.bytes(), "holds no private key that can be read: add it, or put a.key"),
    ],
    ids=["empty", "without key"],
)
def test_a_folder_without_anything_good_stops_the_start(
    folder: Path, content: bytes | None, says: str
) -> None:
    """There would be nothing to show."""
    if content is not None:
        write(folder / "a.pem", content)
    with pytest.raises(StartError, match="--certificate-dir") as refusal:
        of_folder(folder).load()
    assert says in str(refusal.value)


def test_a_bad_certificate_that_was_named_stops_the_start(folder: Path, tmp_path: Path) -> None:
    """However good those in the folder are."""
    issue(folder / "a.pem", "a.example")
    with pytest.raises(StartError, match="--certificate: "):
        of_folder(folder, tmp_path / "missing.pem").load()


def test_refusals_and_renewals_are_counted(folder: Path) -> None:
    """For whoever watches the numbers; one bad certificate does not keep the others back."""
    issue(folder / "a.pem", "a.example")
    issue(folder / "b.pem", "b.example")
    keeper = of_folder(folder).load()
    write(folder / "a.pem", b"")
    issue(folder / "b.pem", "b.example")
    keeper.certificates.reload()
    assert (keeper.certificates.refused, keeper.certificates.renewed) == (1, 1)
    assert keeper.notes.read == [(2, 1)]


def test_what_is_the_same_is_not_announced_again(folder: Path) -> None:
    """A hundred SIGHUPs are a hundred lines and not more."""
    issue(folder / "a.pem", "a.example")
    keeper = of_folder(folder).load()
    keeper.certificates.reload()
    assert len(keeper.notes.shown) == 1
    assert keeper.certificates.renewed == 0


def test_time_may_cure_what_was_refused(folder: Path) -> None:
    """A certificate that was not valid yet is taken when it is, without anybody touching it."""
    file = issue(folder / "a.pem", "a.example")
    keeper = of_folder(folder).load()
    issue(file, "a.example", not_before=NOW + HOUR, not_after=NOW + 9 * DAY)
    keeper.look()
    assert "is not valid before" in keeper.notes.refused[0]
    keeper.now += 2 * HOUR
    keeper.certificates.check()
    assert keeper.certificates.renewed == 1


# Ends


def test_the_end_is_announced_more_than_once(folder: Path) -> None:
    """At 14, 7, 3 and 1 days, and when it has come; whoever starts in between is told at once."""
    issue(folder / "a.pem", "a.example", not_after=NOW + 20 * DAY)
    keeper = of_folder(folder).load()
    for _ in range(21 * 24):
        keeper.certificates.check()
        keeper.now += HOUR
    assert keeper.notes.ends == [("a.pem", days) for days in (14, 7, 3, 1, 0)]
    keeper = of_folder(folder)
    keeper.now = NOW + 15 * DAY
    assert keeper.load().notes.ends == [("a.pem", 5)]


def test_a_renewed_certificate_is_warned_of_anew(folder: Path) -> None:
    """It is another one, with an end of its own."""
    file = issue(folder / "a.pem", "a.example", not_after=NOW + 2 * DAY)
    keeper = of_folder(folder).load()
    issue(file, "a.example", not_after=NOW + 13 * DAY)
    keeper.certificates.reload()
    keeper.certificates.check()
    assert keeper.notes.ends == [("a.pem", 2), ("a.pem", 13)]


def authorities(tmp_path: Path) -> Path:
    """The file of an authority for clients."""
    file = tmp_path / "clients.pem"
    write(file, trustme.CA().cert_pem.bytes())
    return file


def test_seconds_are_left_for_each_file(folder: Path, tmp_path: Path) -> None:
    """The authorities of clients count, too: without them nobody comes in."""
    file = issue(folder / "a.pem", "a.example", not_after=NOW + DAY)
    clients = authorities(tmp_path)
    keeper = Keeper(CertificateSources(directory=folder, authorities=clients)).load()
    left = keeper.certificates.seconds_left()
    assert list(left) == [str(file), str(clients)]
    assert 86398 < left[str(file)] <= 86400
    keeper.now = NOW + 2 * DAY
    assert keeper.certificates.seconds_left()[str(file)] < 0


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: write(file, b"")], ids=["gone", "bad"])
def test_authorities_that_make_no_sense_are_refused(
    folder: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    """Those from before are asked for on, however often certificates are renewed meanwhile."""
    issue(folder / "a.pem", "a.example")
    clients = authorities(tmp_path)
    keeper = Keeper(CertificateSources(directory=folder, authorities=clients)).load()
    spoil(clients)
    keeper.look()
    (line,) = keeper.notes.refused
    assert line.startswith(f"--client-ca: '{clients}' ")
    assert str(clients) in keeper.certificates.seconds_left()
