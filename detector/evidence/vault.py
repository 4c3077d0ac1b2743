"""Packages in S3-compatible storage, for fleets without a folder that all machines share; boto3 does the work.

    s3://BUCKET/PREFIX/   CASE_ID/clip.mp4 …  CASE_ID/manifest.json      a package; the manifest is written last
                          chains/SITE.jsonl                               the chain of seals of each machine

A package is built and sealed on the machine's disk, then copied here file by file and checked by the storage (SHA-256
of each file); only then it leaves the disk. There is a package here if and only if there is its manifest. Credentials
and address come from where boto3 looks for them: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, profiles.
"""

import hashlib
import shutil
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from detector.errors import ConfigurationError, EvidenceError, StorageError
from detector.evidence.chain import CHAIN
from detector.evidence.staging import publish, staging_folder
from detector.evidence.verify import MANIFEST

SCHEME = "s3"
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5, 30


def is_remote(place: str) -> bool:
    """Whether a place of evidence is in a vault, and no folder."""
    return place.startswith(f"{SCHEME}://")


class Vault:
    """A bucket, or a part of one."""

    def __init__(self, url: str) -> None:
        """Take `s3://BUCKET` or `s3://BUCKET/PREFIX`; nothing is asked yet.

        Raises:
            ConfigurationError: the URL is not of that form, or boto3 is not installed.
        """
        parts = urlsplit(url)
        if parts.scheme != SCHEME or not parts.netloc or parts.query or parts.fragment or "@" in parts.netloc:
            raise ConfigurationError(f"evidence {url}: write s3://BUCKET/PREFIX; credentials come from the environment")
        try:
            import boto3  # noqa: F401
        except ModuleNotFoundError as error:
            raise ConfigurationError("evidence in s3:// needs boto3: pip install 'roadwarden[fleet]'") from error
        self._bucket = parts.netloc
        self._prefix = parts.path.strip("/")
        self.url = f"{SCHEME}://{self._bucket}/{self._prefix}".rstrip("/")

    def locate(self, case_id: str) -> str:
        """Where the package of a case is, or will be."""
        return f"{self.url}/{case_id}"

    def check(self) -> None:
        """Find out now, and not with the first case, that the bucket is there and may be read.

        Raises:
            StorageError: it is not.
        """
        with self._told():
            self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._key(CHAIN), MaxKeys=1)

    def find(self, case_id: str) -> bytes | None:
        """The manifest of a package; None when there is no package of that case.

        Raises:
            StorageError: the storage does not answer, or refuses.
        """
        import botocore.exceptions

        with self._told():
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._key(case_id, MANIFEST))
                content: bytes = answer["Body"].read()
                return content
            except botocore.exceptions.ClientError as error:
                if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                    return None
                raise

    def deposit(self, package: Path, site: str) -> None:
        """Move a sealed package from the disk into the vault; one that is there already is never overwritten.

        Args:
            package: its folder, beside the chain of its site.
            site: name of the machine, for its chain.

        Raises:
            StorageError: the storage does not answer, or refuses; the folder stays, and this may be repeated.
        """
        if self.find(package.name) is None:
            for path in sorted(package.iterdir(), key=lambda path: (path.name == MANIFEST, path.name)):
                self._put(path, self._key(package.name, path.name))
        chain = package.parent / CHAIN
        if chain.exists():
            self._put(chain, self._key("chains", f"{site}.jsonl"))
        shutil.rmtree(package)

    def fetch(self, case_id: str, root: Path) -> Path:
        """Copy a package into a folder, where it appears whole or not at all.

        Returns:
            Its folder, `root / case_id`.

        Raises:
            EvidenceError: there is none.
            StorageError: the storage does not answer, or the disk is full.
        """
        place = root / case_id
        if place.is_dir():
            return place
        with staging_folder(root, case_id) as folder:
            for key in self._keys(case_id):
                name = key.rpartition("/")[2]
                with self._told():
                    self._client.download_file(self._bucket, key, str(folder / name))
            if not (folder / MANIFEST).exists():
                raise EvidenceError(f"{self.locate(case_id)}: the package is not there")
            publish(folder, place)
        return place

    def remove(self, case_id: str) -> None:
        """Delete a package, its manifest first: from then on it is not there. One that is gone is no fault.

        Raises:
            StorageError: the storage does not answer, or refuses.
        """
        for key in sorted(self._keys(case_id), key=lambda key: not key.endswith(f"/{MANIFEST}")):
            with self._told():
                self._client.delete_object(Bucket=self._bucket, Key=key)

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        retries = {"max_attempts": 3, "mode": "standard"}
        config = Config(connect_timeout=CONNECT_TIMEOUT_S, read_timeout=READ_TIMEOUT_S, retries=retries)
        with self._told():
            return boto3.session.Session().client("s3", config=config)

    def _key(self, *names: str) -> str:
        return "/".join(name for name in (self._prefix, *names) if name)

    def _keys(self, case_id: str) -> Iterator[str]:
        with self._told():
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=f"{self._key(case_id)}/"):
                yield from (row["Key"] for row in page.get("Contents", ()))

    def _put(self, path: Path, key: str) -> None:
        """One file; the storage refuses it when its SHA-256 is not that of the file."""
        with self._told(), path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
            file.seek(0)
            self._client.put_object(Bucket=self._bucket, Key=key, Body=file, ChecksumSHA256=b64encode(digest).decode())

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever the library says, as one line without credentials."""
        import botocore.exceptions

        try:
            yield
        except botocore.exceptions.ClientError as error:
            said = error.response["Error"]
            raise StorageError(f"evidence {self.url}: {said.get('Code')}: {said.get('Message')}") from error
        except botocore.exceptions.BotoCoreError as error:
            raise StorageError(f"evidence {self.url}: {' '.join(str(error).split())}") from error


@dataclass(frozen=True, slots=True)
class Storage:
    """A vault, and the name under which it keeps the chain of this machine."""

    vault: Vault
    site: str


def split(place: str) -> tuple[Vault, str]:
    """A place in a vault as the vault and the case's id."""
    url, _, case_id = place.rstrip("/").rpartition("/")
    return Vault(url), case_id
