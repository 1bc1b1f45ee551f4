"""Opens an address of storage: a folder, s3://, gs:// or what else fsspec knows."""

from typing import Any

from data.errors import SettingsError


def open_address(setting: str, address: str) -> tuple[Any, str]:
    """Returns the file system of an address, and the path that the address has there, without a slash at its end.

    Args:
        setting: the name of the setting that holds the address, for the message.

    Raises:
        SettingsError: fsspec does not know the scheme, or is missing, or what it needs for it is.
    """
    try:
        from fsspec.core import url_to_fs

        files, root = url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise SettingsError(
            f"{setting} must be a folder or another address that fsspec can read here; got {address!r}: {error}. "
            "Install the extra `searcher`, and what fsspec names."
        ) from error
    return files, root.rstrip("/")


def read_up_to(files: Any, path: str, most_bytes: int) -> bytes:
    """Returns the content of a file, without reading more than it may have.

    Raises:
        ValueError: it has more than `most_bytes` bytes.
        Exception: it cannot be read; each of fsspec's file systems raises errors of its own.
    """
    content: bytes = files.cat_file(path, start=0, end=most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"it must have at most {most_bytes:,} bytes")
    return content
