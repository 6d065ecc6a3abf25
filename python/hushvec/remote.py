"""Contexts on a server with the HTTP interface of XTrace's SDK, such as ``hushvec serve``."""

from __future__ import annotations

import asyncio
import http.client
import ipaddress
import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
import warnings
from typing import Any

from ._hushvec import InputError

# Contexts with the SDK's tables can be larger than 100 MB.
_MOST_BYTES = 256 << 20
_MOST_ERROR_BYTES = 64 << 10
_TIMEOUT_SECONDS = 60


class RemoteError(OSError):
    """A server could not be reached, refused a request or sent an invalid answer. ``status`` is the HTTP status of the
    answer, or ``None``."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        # A redirect would send the API key to another server.
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class HttpStore:
    """The contexts of an organisation on a server. An argument of :meth:`ExecutionContext.save_to_remote` and
    :meth:`ExecutionContext.load_from_remote`, instead of the SDK's ``XTraceIntegration``.

    :param url: The server, such as ``https://search.example.org``. Warns that the key is not encrypted if it begins
        with ``http://`` and names another machine.
    :param org: The organisation.
    :param api_key: The API key for the server.
    :param ca_file: A PEM file of certificates to trust instead of the operating system's, such as that of a private
        certificate authority.
    :raises InputError: if the address, the key or the file is invalid.
    """

    def __init__(self, url: str, org: str, api_key: str, *, ca_file: str | os.PathLike[str] | None = None) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise InputError("the server's address is invalid: give a URL like https://search.example.org")
        if parts.username is not None or parts.password is not None:
            raise InputError("the server's address contains a user or a password; give the key separately")
        if not api_key or not all("!" <= character <= "~" for character in api_key):
            raise InputError("the API key is empty, or has characters other than ASCII letters, digits and punctuation")
        self._url = url.rstrip("/")
        self._host = parts.netloc
        self._org = org
        self._api_key = api_key
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            warnings.warn(f"the API key and contexts travel unencrypted to {parts.netloc}; use https", stacklevel=2)
        try:
            trusted = ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise InputError(f"cannot read PEM certificates from {ca_file}: {error}") from None
        self._opener = urllib.request.build_opener(_NoRedirects, urllib.request.HTTPSHandler(context=trusted))

    async def store_exec_context(self, exec_context_dict: dict[str, Any], context_id: str) -> str:
        """Stores a context in the form of ``to_dict_enc``. Returns the id that the server assigned.

        :raises RemoteError: if the server refuses or cannot be reached.
        """
        body = {"data": exec_context_dict, "context_id": context_id}
        reply = await asyncio.to_thread(self._call, "POST", [], body)
        return str(reply.get("context_id", context_id))

    async def get_serialized_exec_context(self, context_id: str) -> dict[str, Any]:
        """Returns the context stored under an id, unchecked. ``load_from_remote`` checks it.

        :raises RemoteError: if the server has no such context, refuses or cannot be reached.
        """
        return await asyncio.to_thread(self._call, "GET", [context_id], None)

    def _call(self, method: str, names: list[str], body: dict[str, Any] | None) -> dict[str, Any]:
        path = [self._org, *names]
        if any(name in ("", ".", "..") for name in path):
            raise InputError('the organisation and the id cannot be empty, "." or ".."')
        url = "/".join([self._url, "v1", "exec_context", *(urllib.parse.quote(name, safe="") for name in path)])
        headers = {"x-api-key": self._api_key, "accept": "application/json", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as reply:
                text = reply.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise RemoteError(f"{self._host}: {error.code}{self._message(error)}", error.code) from None
        except urllib.error.URLError as error:
            raise RemoteError(f"{self._host}: {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:
            raise RemoteError(f"{self._host}: the connection was lost: {error}") from None
        if len(text) > _MOST_BYTES:
            raise RemoteError(f"{self._host}: the answer is longer than {_MOST_BYTES} bytes")
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise RemoteError(f"{self._host}: the answer is not a JSON object")
        return value

    def _message(self, error: urllib.error.HTTPError) -> str:
        """Returns the server's message about an error, with the API key removed in case the server repeats it."""
        try:
            message = str(json.loads(error.read(_MOST_ERROR_BYTES))["message"])
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
            return ""
        shown = "".join(c for c in message.replace(self._api_key, "…") if c.isprintable())
        return f": {shown[:500]}"

    def __repr__(self) -> str:
        return f"HttpStore({self._url!r}, {self._org!r}, …)"
