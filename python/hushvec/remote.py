"""Contexts on a server that speaks the HTTP interface of XTrace's SDK, such as ``hushvec serve``."""

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

# Contexts with the SDK's tables in them can have over a hundred megabytes.
_MOST_BYTES = 256 << 20
_MOST_REFUSAL = 64 << 10
_SECONDS = 60


class RemoteError(OSError):
    """A server was not reached, or refused. ``status`` is the HTTP status of its answer, if it gave one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class _NoRedirections(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        # They would take the key elsewhere.
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class HttpStore:
    """A server that keeps contexts for an organisation: what :meth:`ExecutionContext.save_to_remote` and
    :meth:`ExecutionContext.load_from_remote` take in place of the SDK's ``XTraceIntegration``.

    :param url: The server, such as ``https://search.example.org``. With ``http://`` to another machine, a warning says that
        the key travels unencrypted.
    :param org: The organisation.
    :param api_key: The API key for the server.
    :param ca_file: A PEM file of certificates to trust instead of the operating system's, such as that of an authority of
        your own.
    :raises InputError: if the address, the key or the file cannot be one.
    """

    def __init__(self, url: str, org: str, api_key: str, *, ca_file: str | os.PathLike[str] | None = None) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise InputError("a server's address is such as https://search.example.org")
        if parts.username is not None or parts.password is not None:
            raise InputError("the server's address has a user or a password in it; give the key apart from it")
        if not api_key or not all("!" <= character <= "~" for character in api_key):
            raise InputError("the API key is empty, or has characters that no key has")
        self._url = url.rstrip("/")
        self._host = parts.netloc
        self._org = org
        self._api_key = api_key
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            warnings.warn(f"the API key and contexts travel unencrypted to {parts.netloc}; use https", stacklevel=2)
        try:
            trusted = ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise InputError(f"{ca_file} has no certificates in PEM that can be read: {error}") from None
        self._opener = urllib.request.build_opener(_NoRedirections, urllib.request.HTTPSHandler(context=trusted))

    async def store_exec_context(self, exec_context_dict: dict[str, Any], context_id: str) -> str:
        """Stores a context as ``to_dict_enc`` returns it: the id that the server gave it.

        :raises RemoteError: if the server does not.
        """
        body = {"data": exec_context_dict, "context_id": context_id}
        reply = await asyncio.to_thread(self._call, "POST", [], body)
        return str(reply.get("context_id", context_id))

    async def get_serialized_exec_context(self, context_id: str) -> dict[str, Any]:
        """The context stored under an id. Nothing about it is checked here, but by ``load_from_remote``.

        :raises RemoteError: if the server has none, or does not answer.
        """
        return await asyncio.to_thread(self._call, "GET", [context_id], None)

    def _call(self, method: str, behind: list[str], body: dict[str, Any] | None) -> dict[str, Any]:
        path = [self._org, *behind]
        if any(name in ("", ".", "..") for name in path):
            raise InputError("an id cannot be empty, nor made of dots only")
        url = "/".join([self._url, "v1", "exec_context", *(urllib.parse.quote(name, safe="") for name in path)])
        headers = {"x-api-key": self._api_key, "accept": "application/json", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=_SECONDS) as reply:
                text = reply.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise RemoteError(f"{self._host}: {error.code}{self._said(error)}", error.code) from None
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
            raise RemoteError(f"{self._host}: the answer is no JSON object")
        return value

    def _said(self, error: urllib.error.HTTPError) -> str:
        """What the server says about a refusal, without the key, should it repeat that."""
        try:
            message = str(json.loads(error.read(_MOST_REFUSAL))["message"])
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
            return ""
        shown = "".join(c for c in message.replace(self._api_key, "…") if c.isprintable())
        return f": {shown[:500]}"

    def __repr__(self) -> str:
        return f"HttpStore({self._url!r}, {self._org!r}, …)"
