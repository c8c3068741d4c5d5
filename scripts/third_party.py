"""Fill `.third_party/` with the .proto files of other projects that ours import.

buf reads the folder as a module (buf.yaml); git ignores it, because the project contains no file of
others. Each file comes from a published Python package:

* google/api/{annotations,field_behavior,http}.proto from `googleapis-common-protos`: installed
  beside this script in the expected version, or else downloaded;
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
GOOGLE_VERSION = "1.76.0"
VALIDATE_PACKAGE = "protovalidate"
VALIDATE_VERSION = "2.1.0"

# SHA-256 by file. Exact, so that every machine generates the same code and checks the same rules.
# To move to another version: change it, run, and take the digest out of the error after a look at
# the difference.
GOOGLE_FILES = {
    "google/api/annotations.proto": (
        "e79ea741cb605a65e78ca322174764a4af9fde1962c1631e12b84c4934ba9a6c"
    ),
    "google/api/field_behavior.proto": (
        "e2a1ac88c49909d4579bacbb18519085e82da32c2c7bb15c31037f3be19f667f"
    ),
    "google/api/http.proto": "ead99129aa15dd5f6233942030c72eec33bc0d7b1c7c260dc143293ef66c5b78",
}
VALIDATE_FILES = {
    "buf/validate/validate.proto": (
        "2a3e0c64526998fe77d15033a2cc7d86d9f3770d89d960dec09bcc150a2487c1"
    ),
}

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
    """Return the files that are missing or are not the expected ones."""
    return [
        name
        for name, digest in (GOOGLE_FILES | VALIDATE_FILES).items()
        if not (TARGET / name).is_file() or sha256((TARGET / name).read_bytes()) != digest
    ]


def fill(names: list[str]) -> None:
    """Write the named files, all of them or none."""
    contents: dict[str, bytes] = {}
    if any(name in GOOGLE_FILES for name in names):
        installed = installed_google_files()
        as_expected = installed and not wrong_digests(installed, GOOGLE_FILES)
        contents |= installed if as_expected else downloaded_google_files()
    if any(name in VALIDATE_FILES for name in names):
        contents |= downloaded_validate_files()
    if wrong := wrong_digests(contents, GOOGLE_FILES | VALIDATE_FILES):
        raise ThirdPartyError(
            "the index served other files than the pinned ones; compare them before changing a "
            "digest in scripts/third_party.py:\n" + "\n".join(wrong),
        )
    for name in names:
        write(TARGET / name, contents[name])


def wrong_digests(contents: dict[str, bytes], expected: dict[str, str]) -> list[str]:
    """Return a line for each file whose content is not the expected one."""
    return [
        f"{name}: expected the SHA-256 {expected[name]}, got {sha256(content)}"
        for name, content in contents.items()
        if sha256(content) != expected[name]
    ]


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


def downloaded_validate_files() -> dict[str, bytes]:
    """Return buf/validate's files out of protovalidate's source archive."""
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
        root = f"{VALIDATE_PACKAGE}-{VALIDATE_VERSION}/proto"
        return {name: tar_member(archive, f"{root}/{name}") for name in VALIDATE_FILES}


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
