"""Fill `.third_party/` with the .proto files of other projects that ours import.

buf reads the folder as a module (buf.yaml); git ignores it, because the project contains no file of
others. Each file comes from a published Python package:

* google/api/{annotations,field_behavior,http}.proto from `googleapis-common-protos`, as installed
  beside this script, or else downloaded;
* buf/validate/validate.proto from the source archive of `protovalidate`, which no wheel contains.

pip does the downloads, so its configuration (mirrors, proxies, offline folders) counts. A folder
that is already right is left alone, without network. The exit code is 1 if it could not be filled.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / ".third_party"

GOOGLE_PACKAGE = "googleapis-common-protos"
# Taken only where the package is not installed; its three files have not changed in years, but for
# the year in their licence.
GOOGLE_VERSION = "1.76.0"
GOOGLE_FILES = (
    "google/api/annotations.proto",
    "google/api/field_behavior.proto",
    "google/api/http.proto",
)

VALIDATE_PACKAGE = "protovalidate"
# Exact, because the generated code and the rules' defaults follow from this file. To move it:
# change the version, run, and take the digest out of the error after a look at the difference.
VALIDATE_VERSION = "2.1.0"
VALIDATE_FILE = "buf/validate/validate.proto"
VALIDATE_SHA256 = "2a3e0c64526998fe77d15033a2cc7d86d9f3770d89d960dec09bcc150a2487c1"

# pip asks a source archive's build backend for metadata even if it only downloads. protovalidate's
# is maturin, which would fetch a Rust toolchain first. This stand-in answers in its place.
STUB_BACKEND = f"""\
import pathlib


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = pathlib.Path(metadata_directory, "{VALIDATE_PACKAGE}-{VALIDATE_VERSION}.dist-info")
    folder.mkdir()
    lines = ["Metadata-Version: 2.1", "Name: {VALIDATE_PACKAGE}", "Version: {VALIDATE_VERSION}"]
    (folder / "METADATA").write_text("\\n".join(lines) + "\\n")
    return folder.name
"""


class ThirdPartyError(Exception):
    """The folder cannot be filled; the text says what is missing and how to mend it."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say whether the folder is right")
    options = parser.parse_args(arguments)
    try:
        missing = stale_files()
        if missing and options.check:
            raise ThirdPartyError(
                f"{TARGET.name} lacks {', '.join(missing)}: run python scripts/third_party.py",
            )
        if missing:
            fill(missing)
    except ThirdPartyError as error:
        print(f"third_party: {error}", file=sys.stderr)
        return 1
    for name in missing:
        print(f"wrote {TARGET.name}/{name}")
    return 0


def stale_files() -> list[str]:
    """Return the files that are missing or are not the expected ones. Uses no network."""
    installed = installed_google_files()
    stale: list[str] = []
    for name in GOOGLE_FILES:
        path = TARGET / name
        if not path.is_file() or (installed and path.read_bytes() != installed[name]):
            stale.append(name)
    path = TARGET / VALIDATE_FILE
    if not path.is_file() or sha256(path.read_bytes()) != VALIDATE_SHA256:
        stale.append(VALIDATE_FILE)
    return stale


def fill(names: list[str]) -> None:
    """Write the named files, all of them or none."""
    contents: dict[str, bytes] = {}
    if set(names) & set(GOOGLE_FILES):
        contents |= installed_google_files() or downloaded_google_files()
    if VALIDATE_FILE in names:
        contents[VALIDATE_FILE] = downloaded_validate_file()
    for name in names:
        write(TARGET / name, contents[name])


def installed_google_files() -> dict[str, bytes]:
    """Return google/api's files out of the installed package; empty if it is not installed."""
    try:
        package = importlib.metadata.distribution(GOOGLE_PACKAGE)
        return {name: Path(str(package.locate_file(name))).read_bytes() for name in GOOGLE_FILES}
    except (importlib.metadata.PackageNotFoundError, FileNotFoundError):
        return {}


def downloaded_google_files() -> dict[str, bytes]:
    """Return google/api's files out of the package's wheel."""
    with tempfile.TemporaryDirectory() as folder:
        archive = pip_download(GOOGLE_PACKAGE, GOOGLE_VERSION, "--only-binary=:all:", into=folder)
        with zipfile.ZipFile(archive) as wheel:
            return {name: wheel.read(name) for name in GOOGLE_FILES}


def downloaded_validate_file() -> bytes:
    """Return validate.proto out of protovalidate's source archive, its digest checked."""
    member = f"{VALIDATE_PACKAGE}-{VALIDATE_VERSION}/proto/{VALIDATE_FILE}"
    with tempfile.TemporaryDirectory() as folder:
        stub = Path(folder, "stub")
        stub.mkdir()
        (stub / "maturin.py").write_text(STUB_BACKEND)
        archive = pip_download(
            VALIDATE_PACKAGE,
            VALIDATE_VERSION,
            f"--no-binary={VALIDATE_PACKAGE}",
            "--no-build-isolation",
            into=folder,
            python_path=stub,
        )
        content = tar_member(archive, member)
    if (digest := sha256(content)) != VALIDATE_SHA256:
        raise ThirdPartyError(
            f"{member}: expected the SHA-256 {VALIDATE_SHA256}, got {digest}: the index served "
            "another file than the pinned one; compare them before changing VALIDATE_SHA256",
        )
    return content


def pip_download(
    package: str, version: str, *options: str, into: str, python_path: Path | None = None
) -> Path:
    """Download one package with pip, without its dependencies, and return the archive."""
    environment = dict(os.environ)
    if python_path is not None:
        environment["PYTHONPATH"] = str(python_path)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *options]
    command += ["--dest", into, f"{package}=={version}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last_words = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise ThirdPartyError(
            f"pip could not download {package}=={version}. Without network, point pip at a folder "
            "that has it (PIP_FIND_LINKS) or at a mirror (PIP_INDEX_URL). pip said:\n"
            + "\n".join(last_words),
        )
    return next(path for path in Path(into).iterdir() if path.is_file())


def tar_member(archive: Path, member: str) -> bytes:
    """Return one file out of a compressed tar archive."""
    with tarfile.open(archive) as tar:
        try:
            file = tar.extractfile(member)
        except KeyError:
            file = None
        if file is None:
            raise ThirdPartyError(f"{archive.name} has no file {member}")
        return file.read()


def write(path: Path, content: bytes) -> None:
    """Write a file so that another process sees the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def sha256(content: bytes) -> str:
    """Return the SHA-256 digest in lower-case hex."""
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
