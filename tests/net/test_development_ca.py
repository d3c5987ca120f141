"""The development certificate: strict clients trust it, it renews itself, its keys stay private."""

import datetime
import hashlib
import os
import shlex
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from twisted.internet.threads import deferToThread

from camrelay.core.errors import StartError
from camrelay.net.authority import Authority, make_leaf
from camrelay.net.certificate_files import PairFiles
from camrelay.net.development_ca import DevelopmentCertificate, development_certificate
from camrelay.net.tls import CurrentCertificates, load_certificate
from tests.support.tls_echo import echo_over_tls, visit

NAMES = ["localhost", "127.0.0.1", "::1", "studio", "192.168.1.5", "2001:db8::7"]
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)

ANOTHER_KEY = trustme.CA().private_key_pem.bytes()

STARTING_TOGETHER = """
import sys
from pathlib import Path
from camrelay.net.development_ca import development_certificate
from camrelay.net.certificate_files import PairFiles
from camrelay.net.tls import load_certificate
print("ready", flush=True)
sys.stdin.read()
made = development_certificate(Path(sys.argv[1]), ["localhost"])
load_certificate(PairFiles(made.certificate, made.private_key))
print(made.fingerprint)
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "share" / "camrelay"


def strict(authority: Path) -> ssl.SSLContext:
    """A client as Python 3.13 makes it by default: RFC 5280 to the letter."""
    context = ssl.create_default_context(cafile=str(authority))
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def files(data_dir: Path) -> dict[str, bytes]:
    """Everything that is kept."""
    return {file.name: file.read_bytes() for file in data_dir.iterdir()}


def read(file: Path) -> x509.Certificate:
    """The first certificate in a file."""
    return x509.load_pem_x509_certificates(file.read_bytes())[0]


@pytest_twisted.async_yield_fixture
async def served(data_dir: Path) -> AsyncIterator[tuple[int, DevelopmentCertificate]]:
    """An echo server that shows a development certificate."""
    made = development_certificate(data_dir, NAMES)
    certificate = load_certificate(PairFiles(made.certificate, made.private_key))
    async with echo_over_tls(CurrentCertificates(certificate)) as port:
        yield port, made


@pytest.mark.parametrize("name", NAMES)
@pytest_twisted.ensureDeferred
async def test_a_client_that_knows_the_ca_trusts_every_name(
    served: tuple[int, DevelopmentCertificate], name: str
) -> None:
    """Names and addresses alike are checked, as strictly as OpenSSL can."""
    port, made = served
    session = await deferToThread(visit, port, strict(made.authority), name)
    assert session.version == "TLSv1.3"


@pytest.mark.parametrize("name", ["other.local", "192.168.1.6"])
@pytest_twisted.ensureDeferred
async def test_other_names_are_not_trusted(
    served: tuple[int, DevelopmentCertificate], name: str
) -> None:
    """The certificate is for this machine."""
    port, made = served
    with pytest.raises(ssl.SSLCertVerificationError, match=r"[Mm]ismatch"):
        await deferToThread(visit, port, strict(made.authority), name)


@pytest_twisted.ensureDeferred
async def test_a_client_that_does_not_know_the_ca_refuses(
    served: tuple[int, DevelopmentCertificate],
) -> None:
    """It is as untrusted as it should be."""
    port, _ = served
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed certificate"):
        await deferToThread(visit, port, ssl.create_default_context())


@pytest_twisted.ensureDeferred
async def test_a_stolen_ca_key_cannot_speak_for_a_public_site(
    data_dir: Path, tmp_path: Path
) -> None:
    """Clients that trust the CA refuse what it signs for a name that is not this machine's."""
    made = development_certificate(data_dir, NAMES)
    authority_key = load_pem_private_key(made.authority.with_suffix(".key").read_bytes(), None)
    leaf_key = load_pem_private_key(made.private_key.read_bytes(), None)
    stolen = Authority(read(made.authority), authority_key)
    forged = make_leaf(leaf_key, stolen, [x509.DNSName("www.example.com")], NOW)
    file = tmp_path / "forged.pem"
    file.write_bytes(forged.public_bytes(Encoding.PEM))
    certificate = load_certificate(PairFiles(file, made.private_key))
    async with echo_over_tls(CurrentCertificates(certificate)) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
            await deferToThread(visit, port, strict(made.authority), "www.example.com")


def test_the_ca_signs_no_other_ca(data_dir: Path) -> None:
    """A path length of zero, critical: RFC 5280 section 4.2.1.9."""
    authority = read(development_certificate(data_dir, NAMES).authority)
    constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)


def test_a_client_that_knows_no_name_constraints_can_read_the_ca(data_dir: Path) -> None:
    """mbedTLS, and so Unity, refuses a certificate with a critical extension it does not know."""
    authority = read(development_certificate(data_dir, NAMES).authority)
    assert not authority.extensions.get_extension_for_class(x509.NameConstraints).critical


def test_a_device_whose_clock_is_a_day_late_is_served(data_dir: Path) -> None:
    """Headsets that were in a drawer are like that."""
    made = development_certificate(data_dir, NAMES, now=NOW)
    begins = [read(file).not_valid_before_utc for file in (made.authority, made.certificate)]
    assert max(begins) <= NOW - DAY


def test_the_ca_can_be_told_from_others(data_dir: Path) -> None:
    """A phone that trusts several shows where each is from."""
    authority = read(development_certificate(data_dir, ["localhost", "s" * 63], now=NOW).authority)
    name = authority.subject.rfc4514_string()
    assert name.startswith("CN=camrelay development CA (sssssss")
    assert name.endswith(f"{NOW:%Y-%m-%d})")


def test_the_fingerprint_is_the_one_that_other_tools_show(data_dir: Path) -> None:
    """SHA-256 over the CA's DER, as `openssl x509 -fingerprint -sha256` prints it."""
    made = development_certificate(data_dir, NAMES)
    der = ssl.PEM_cert_to_DER_cert(made.authority.read_text())
    assert made.fingerprint == hashlib.sha256(der).digest().hex(":").upper()


def test_clients_are_sent_the_ca_as_well(data_dir: Path) -> None:
    """So that people can compare its fingerprint with the one in the log."""
    made = development_certificate(data_dir, NAMES)
    assert made.certificate.read_bytes().endswith(made.authority.read_bytes())


def test_the_leaf_is_one_that_phones_accept(data_dir: Path) -> None:
    """For servers only, and for 397 days at most."""
    leaf = read(development_certificate(data_dir, NAMES, now=NOW).certificate)
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert life < 397 * DAY
    assert leaf.not_valid_after_utc > NOW + 390 * DAY


def test_files_are_named_from_the_root(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log tells where the CA is, and a daemon changes its working directory."""
    data_dir.mkdir(parents=True)
    monkeypatch.chdir(data_dir)
    assert development_certificate(Path("here"), NAMES).authority.parent == data_dir / "here"


def test_the_next_start_finds_everything_as_it_was(data_dir: Path) -> None:
    """Same files, same result."""
    made = development_certificate(data_dir, NAMES)
    before = files(data_dir)
    assert development_certificate(data_dir, NAMES[::-1]) == made
    assert files(data_dir) == before


@pytest.mark.parametrize(
    ("now", "names"),
    [(NOW + 383 * DAY, NAMES), (NOW, [*NAMES, "192.168.1.6"]), (NOW, NAMES[:-1])],
    ids=["it expires soon", "the machine has one more address", "it has one less"],
)
def test_the_leaf_is_renewed_by_the_same_ca(
    data_dir: Path, now: datetime.datetime, names: list[str]
) -> None:
    """Whoever trusts the CA need not be told; the key stays, so that no pair is ever torn."""
    made = development_certificate(data_dir, NAMES, now=NOW)
    before = files(data_dir)
    assert development_certificate(data_dir, names, now=now) == made
    changed = [name for name, content in files(data_dir).items() if content != before[name]]
    assert changed == [made.certificate.name]
    leaf = read(made.certificate)
    leaf.verify_directly_issued_by(read(made.authority))
    assert leaf.not_valid_before_utc < now < leaf.not_valid_after_utc - 390 * DAY
    said = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert len(list(said)) == len(names)


def test_the_leaf_is_left_alone_until_two_weeks_before_its_end(data_dir: Path) -> None:
    """No restart changes more than it must."""
    development_certificate(data_dir, NAMES, now=NOW)
    before = files(data_dir)
    development_certificate(data_dir, NAMES, now=NOW + 381 * DAY)
    assert files(data_dir) == before


def test_a_new_host_name_is_left_out_rather_than_the_ca_replaced(data_dir: Path) -> None:
    """Phones that trust the CA reach a renamed machine by its addresses and `.local` name."""
    made = development_certificate(data_dir, NAMES)
    names = ["localhost", "renamed", "renamed.local", "127.0.0.1"]
    assert development_certificate(data_dir, names).fingerprint == made.fingerprint
    leaf = read(made.certificate)
    said = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert said.get_values_for_type(x509.DNSName) == ["localhost", "renamed.local"]


def test_a_ca_at_its_end_is_replaced(data_dir: Path) -> None:
    """After ten years there is nothing else to do; the leaf never outlives its CA."""
    made = development_certificate(data_dir, NAMES, now=NOW)
    late = NOW + 3600 * DAY
    development_certificate(data_dir, NAMES, now=late)
    assert read(made.certificate).not_valid_after_utc == read(made.authority).not_valid_after_utc
    after = development_certificate(data_dir, NAMES, now=late + 40 * DAY)
    assert after.fingerprint != made.fingerprint
    read(after.certificate).verify_directly_issued_by(read(after.authority))


def test_keys_are_private(data_dir: Path) -> None:
    """Nobody else may read the keys, or enter the folder that we make for them."""
    made = development_certificate(data_dir, NAMES)
    keys = [made.private_key, made.authority.with_suffix(".key")]
    assert [key.stat().st_mode & 0o777 for key in keys] == [0o600, 0o600]
    assert data_dir.stat().st_mode & 0o777 == 0o700


def test_a_ca_key_that_others_can_read_is_refused(data_dir: Path) -> None:
    """Whoever read it can pretend to be this server; the message has the command that helps."""
    made = development_certificate(data_dir, NAMES)
    made.authority.with_suffix(".key").chmod(0o644)
    line = complaint(data_dir)
    assert "other users can reach (mode 644)" in line
    subprocess.run(shlex.split(line.rpartition(": run ")[2]), check=True)
    assert development_certificate(data_dir, NAMES) == made


@pytest.mark.parametrize("name", ["camrelay_development.crt", "camrelay_development.key"])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN"], ids=["missing", "empty", "junk"])
def test_a_damaged_leaf_is_made_again(data_dir: Path, name: str, content: bytes | None) -> None:
    """Whoever trusts the CA trusts the new one."""
    made = development_certificate(data_dir, NAMES)
    damage(data_dir / name, content)
    assert development_certificate(data_dir, NAMES) == made
    assert load_certificate(PairFiles(made.certificate, made.private_key))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("camrelay_development_ca.crt", b""),
        ("camrelay_development_ca.crt", b"-----BEGIN"),
        ("camrelay_development_ca.key", None),
        ("camrelay_development_ca.key", b""),
        ("camrelay_development_ca.key", ANOTHER_KEY),
    ],
    ids=["no certificate", "half a certificate", "key missing", "no key", "another key"],
)
def test_a_damaged_ca_is_not_replaced_in_silence(
    data_dir: Path, name: str, content: bytes | None
) -> None:
    """Every device would stop trusting us: that is for people to decide."""
    development_certificate(data_dir, NAMES)
    damage(data_dir / name, content)
    line = complaint(data_dir)
    assert line.startswith(f"--data-dir: '{data_dir}/camrelay_development_ca.crt' and ")
    assert "put them back, or delete both and trust the new CA on every device" in line


def test_a_ca_that_was_never_finished_is_made_again(data_dir: Path) -> None:
    """A process that died between the two files leaves a key: no device knows it yet."""
    made = development_certificate(data_dir, NAMES)
    made.authority.unlink()
    again = development_certificate(data_dir, NAMES)
    assert again.fingerprint != made.fingerprint
    read(again.certificate).verify_directly_issued_by(read(again.authority))


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """The message names the option and the reason."""
    (tmp_path / "file").touch()
    line = complaint(tmp_path / "file" / "camrelay")
    assert line.startswith(f"--data-dir: '{tmp_path}/file/camrelay' cannot hold the certificate")
    assert "(Not a directory): name a folder we can write to" in line


def test_processes_that_start_together_share_one_ca(data_dir: Path) -> None:
    """Four at once in an empty folder: one makes it, the others find it."""
    command = [sys.executable, "-c", STARTING_TOGETHER, str(data_dir)]
    gate, starter = os.pipe()
    processes = [
        subprocess.Popen(command, stdin=gate, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    os.close(starter)
    fingerprints = {process.communicate()[0] for process in processes}
    os.close(gate)
    assert len(fingerprints) == 1
    assert not any(process.returncode for process in processes)


def complaint(data_dir: Path) -> str:
    """The one line with which a folder is refused."""
    with pytest.raises(StartError) as refusal:
        development_certificate(data_dir, NAMES)
    line = str(refusal.value)
    assert "\n" not in line
    return line


def damage(file: Path, content: bytes | None) -> None:
    """Overwrite a file, or remove it."""
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
