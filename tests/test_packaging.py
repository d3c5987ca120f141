"""What is shipped: the wheel holds everything, and each documented way to start it starts it."""

import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from shutil import copy, copytree, ignore_patterns
from typing import NamedTuple

import pytest
import websocket

import camrelay
from tests.support.server import Server

CHECKOUT = Path(__file__).parent.parent
SCRIPTS = Path(sysconfig.get_path("scripts"))
PLUGINS = {"twisted/plugins/camrelay_plugin.py", "twisted/plugins/camrelay_worker_plugin.py"}


class Installed(NamedTuple):
    """An environment that has the wheel, and a folder that is not the checkout."""

    python: Path
    folder: Path


def run(*command: str | Path, cwd: Path) -> str:
    """The output of a command that must succeed."""
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it.

    Made from a copy of the sources: no trace of an older build gets in.
    """
    sources = tmp_path_factory.mktemp("sources")
    kept = ignore_patterns("__pycache__", "node_modules", "results", "dropin.cache")
    for path in CHECKOUT.iterdir():
        if path.name in ("camrelay", "twisted", "tests", "docs", "deploy"):
            copytree(path, sources / path.name, ignore=kept)
        elif path.is_file() and not path.name.startswith("."):
            copy(path, sources)
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, cwd=sources)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """The wheel."""
    (found,) = built.glob("camrelay-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A fresh environment with the wheel; the dependencies are lent by ours, so it is offline."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run(sys.executable, "-m", "venv", "--without-pip", "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "-q")
    run(*pip, "--no-deps", "--no-index", wheel, cwd=folder)
    # A path file is not read for further path files: our editable install stays out of sight.
    ours = sysconfig.get_path("purelib")
    own = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder)
    Path(own.strip(), "lent.pth").write_text(ours, "utf-8")
    return Installed(python, folder)


@pytest.fixture(scope="module")
def shipped(wheel: Path) -> set[str]:
    """The names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_package_index_would_take_both(built: Path) -> None:
    """Metadata and the long description, which is the README."""
    run(SCRIPTS / "twine", "check", "--strict", *sorted(built.iterdir()), cwd=built)


def test_the_sdist_holds_what_distributions_need(built: Path) -> None:
    """The tests, the documents, the units and the Dockerfile; nothing that a run left behind."""
    (sdist,) = built.glob("camrelay-*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {PurePosixPath(*PurePosixPath(name).parts[1:]) for name in archive.getnames()}
    for name in ("tests/conftest.py", "docs/tls.md", "deploy/Dockerfile", "camrelay.tac"):
        assert PurePosixPath(name) in names
    assert not [name for name in names if name.name in ("dropin.cache", "__pycache__")]


def test_the_wheel_holds_every_file_of_the_package(shipped: set[str]) -> None:
    """Modules, pages, styles, scripts, the marker for types: nothing is left behind."""
    package = CHECKOUT / "camrelay"
    expected = {
        path.relative_to(CHECKOUT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert expected - shipped == set()
    assert any(PurePosixPath(name).match("camrelay/web/*.html") for name in shipped)


def test_the_wheel_adds_two_plugins_to_twisted_and_nothing_else(shipped: set[str]) -> None:
    """An `__init__.py` there would overwrite Twisted's own, and uninstalling would delete it."""
    assert {name for name in shipped if name.startswith("twisted/")} == PLUGINS


def test_the_wheel_installs_nothing_beside_the_package(shipped: set[str]) -> None:
    """No `tests` or `docs` at the top of somebody's site-packages."""
    tops = {PurePosixPath(name).parts[0] for name in shipped}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"camrelay", "twisted"}


def test_twistd_lists_camrelay(installed: Installed) -> None:
    """Outside the checkout, with nothing but the wheel, `twistd --help` knows the subcommand."""
    said = run(installed.python, SCRIPTS / "twistd", "--help", cwd=installed.folder)
    assert "\n    camrelay " in said
    assert "\n    camrelay-worker " in said
    where = run(installed.python, "-c", "import camrelay; print(camrelay.__file__)", cwd=Path("/"))
    assert Path(where).is_relative_to(installed.folder)


def test_the_camrelay_command_runs(installed: Installed) -> None:
    """The command that the wheel puts on the path finds its program."""
    said = run(installed.python.with_name("camrelay"), "--version", cwd=installed.folder)
    assert camrelay.__version__ in said


def test_the_camrelay_command_looks_at_the_settings(installed: Installed, tmp_path: Path) -> None:
    """With nothing but the wheel and its dependencies."""
    options = ("check", "--port", "0", "--data-dir", tmp_path)
    said = run(installed.python.with_name("camrelay"), *options, cwd=installed.folder)
    assert "/ws/camera/{room}" in said


WAYS = {
    "twistd": (SCRIPTS / "twistd", "-n", "--pidfile=", "camrelay"),
    "twist": (SCRIPTS / "twist", "camrelay"),
    "python -m camrelay": ("-m", "camrelay"),
    "twistd -y camrelay.tac": (SCRIPTS / "twistd", "-n", "--pidfile=", "-y", "camrelay.tac"),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_start_starts_the_relay(
    installed: Installed, way: str, tmp_path: Path
) -> None:
    """Installed from the wheel, each command of the documentation serves the same routes."""
    copy(CHECKOUT / "camrelay.tac", tmp_path)
    options = ("--port", "0", "--data-dir", str(tmp_path / "data"))
    command = [str(part) for part in (installed.python, *WAYS[way])]
    by_environment = way.endswith(".tac")
    environment = {"CAMRELAY_ARGS": " ".join(options)} if by_environment else {}
    command += () if by_environment else options
    with Server(command, tmp_path, **environment) as server:
        url = f"ws://localhost:{server.port}/echo"
        connection = websocket.create_connection(url, timeout=10)
        connection.send("here")
        assert connection.recv() == "here"
        connection.close()
