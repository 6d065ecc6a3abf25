"""Private search on a server, such as ``hushvec serve``."""

from __future__ import annotations

import json
import os
import pathlib
import threading
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

import numpy
from numpy.typing import NDArray

from ._arguments import as_json, integer, number_range, text, texts
from ._hushvec import InputError, Server
from .context import ExecutionContext
from .progress import Progress
from .projection import reals

#: The event that stops a push or search of an :class:`hushvec.AsyncClient`.
STOP: ContextVar[threading.Event | None] = ContextVar("STOP", default=None)


@dataclass(frozen=True)
class KnowledgeBase:
    """A knowledge base: vectors on a server that belong together."""

    id: str
    name: str
    description: str = ""
    number_of_vectors: int | None = None
    created_at: str | None = None
    updated_at: str | None = None

    @classmethod
    def _of(cls, fields: dict[str, Any]) -> KnowledgeBase:
        return cls(**{**fields, "description": fields.get("description") or ""})


@dataclass(frozen=True)
class Hit:
    """A vector that a search found."""

    #: The id it was pushed with; ``None`` if the list of pushed vectors has no id for it.
    id: int | str | None
    #: The Hamming distance to the query.
    distance: int
    #: The cosine similarity to the query, if candidates were reranked.
    cosine: float | None
    #: Its content, if ``content`` was requested.
    content: str | None
    #: Its metadata, if ``content`` or ``names`` was requested.
    metadata: dict[str, Any] | None
    #: Its name on the server, if ``content`` or ``names`` was requested.
    name: str | None
    #: Its chunk number on the server.
    chunk: int


@dataclass(frozen=True)
class Pushed:
    """The result of a push: numbers of vectors."""

    stored: int
    replaced: int
    skipped: int
    #: Vectors that were stored but not listed, because the server returned no chunk number for them.
    unlisted: int


class Client:
    """Stores encrypted vectors on a server, and searches them there. The server does not learn vectors, queries or
    distances.

    The server can read names of knowledge bases, ids and metadata. It cannot read vectors, embeddings or content.

    The client keeps a list of the pushed vectors in a file and checks answers against it, so the server cannot omit a
    vector or invent one. The file is named like the context's file with ``.pushed`` appended, unless ``pushed`` names
    another.

    :param url: The server, such as ``https://search.example.org``.
    :param api_key: The API key for the server. Default: the environment variable ``HUSHVEC_API_KEY``.
    :param admin_key: The admin key, which manages knowledge bases. Default: ``HUSHVEC_ADMIN_KEY``, or else the API key.
    :param org: The organisation.
    :param ca_file: A PEM file of certificates to trust in addition to the operating system's.
    :raises InputError: if the address, a key or the file is invalid, or there is no key.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        admin_key: str | None = None,
        org: str = "default",
        ca_file: str | os.PathLike[str] | None = None,
    ) -> None:
        admin_key = admin_key or os.environ.get("HUSHVEC_ADMIN_KEY") or None
        api_key = api_key or os.environ.get("HUSHVEC_API_KEY") or admin_key
        if not api_key:
            raise InputError("the API key is missing: give api_key=, or set HUSHVEC_API_KEY")
        text(url, "the server's address")
        text(org, "the organisation")
        text(api_key, "the API key")
        if admin_key is not None:
            text(admin_key, "the admin key")
        certificates = None
        if ca_file is not None:
            try:
                certificates = pathlib.Path(ca_file).read_bytes()
            except OSError as error:
                raise InputError(f"cannot read {ca_file}: {error.strerror}") from None
        if admin_key is None and api_key.startswith("hvk_"):
            # Only admin keys begin with hvk_. They are API keys too.
            admin_key = api_key
        self._arguments = (url, org, api_key, admin_key, certificates)
        self._server = Server(*self._arguments)

    def __getstate__(self) -> dict[str, Any]:
        # Includes the keys.
        return {"arguments": self._arguments}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._arguments = state["arguments"]
        self._server = Server(*self._arguments)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._server.host!r}, …)"

    # Knowledge bases.

    def knowledge_bases(self) -> list[KnowledgeBase]:
        """Returns all knowledge bases of the organisation. Without the admin key, returns only those that the API key
        has access to.

        :raises RemoteError: if the server refuses or cannot be reached.
        """
        return [KnowledgeBase._of(fields) for fields in json.loads(self._server.knowledge_bases())]

    def knowledge_base(self, kb: str) -> KnowledgeBase:
        """Returns a knowledge base by its id or name.

        :raises RemoteError: if there is none, or if several have the name.
        """
        return KnowledgeBase._of(json.loads(self._server.find_knowledge_base(text(kb, "the knowledge base's id or name"))))

    def create_knowledge_base(self, name: str, description: str = "") -> KnowledgeBase:
        """Creates a knowledge base, and gives the API key access to it. Returns an existing one of that name unchanged.

        Requires the admin key.
        """
        text(name, "the name")
        text(description, "the description")
        for existing in self.knowledge_bases():
            if existing.name == name:
                return existing
        return KnowledgeBase._of(json.loads(self._server.create_knowledge_base(name, description)))

    def delete_knowledge_base(self, kb: str | KnowledgeBase) -> None:
        """Permanently deletes a knowledge base with everything in it. Requires the admin key.

        :param kb: A knowledge base, or its id or name.
        """
        self._server.delete_knowledge_base((kb if isinstance(kb, KnowledgeBase) else self.knowledge_base(kb)).id)

    # Vectors.

    def push(
        self,
        kb: str | KnowledgeBase,
        context: ExecutionContext,
        vectors: Any,
        ids: Any,
        *,
        contents: Sequence[str] | None = None,
        metadata: Sequence[dict[str, Any]] | None = None,
        rerank: Literal["int8", "float16"] | None = None,
        embeddings: Any = None,
        on_conflict: Literal["replace", "skip", "error"] = "replace",
        pushed: str | os.PathLike[str] | None = None,
        progress: Progress = None,
    ) -> Pushed:
        """Encrypts vectors and stores them on the server. Also stores the context, with its secret key sealed, if the
        server does not have it.

        Pushing the same ids again replaces them, so an interrupted push can be repeated.

        :param kb: A knowledge base, or its id or name.
        :param vectors: (N, D) of real numbers, whose signs are used; or of 0 and 1, as :func:`project` returns them; or
            (N, D/8) of packed bits.
        :param ids: An integer or a string for each vector. The server can read them.
        :param contents: A text for each vector, which is sealed.
        :param metadata: A dictionary for each vector with ``tag1`` to ``tag5`` (strings) and ``facets`` (a list of
            strings). The server can read and filter it.
        :param rerank: Also seal the real vectors, for ``oversample`` in :meth:`search`: as ``int8`` (one byte per
            dimension) or ``float16`` (two bytes).
        :param embeddings: The real vectors to seal, if ``vectors`` are bits.
        :param on_conflict: What to do with ids that are already stored: ``replace`` them with everything that is given,
            ``skip`` them, or raise an ``error`` before anything is stored.
        :param pushed: The file with the list of pushed vectors.
        :param progress: ``True`` for a bar, or a function that is called with the number of vectors stored so far.
        :raises InputError: if an argument is invalid.
        :raises RemoteError: if the server refuses or cannot be reached. Vectors stored before the error are listed.
        """
        _check(context)
        real = None
        if embeddings is not None or rerank is not None:
            real = _reals(vectors, embeddings, "rerank")
        sealed = None if contents is None else texts(contents)
        if isinstance(metadata, dict):
            raise InputError("metadata is one dictionary, expected a list with one for each vector")
        counts = self._server.push(
            context._context,
            *self._ids(kb, context),
            vectors,
            ids,
            sealed,
            None if metadata is None else as_json(list(metadata), "the metadata"),
            real,
            rerank or "int8",
            on_conflict,
            _list_path(context, pushed),
            progress,
            STOP.get(),
        )
        return Pushed(*counts)

    def search(
        self,
        kb: str | KnowledgeBase,
        context: ExecutionContext,
        queries: Any,
        k: int = 10,
        *,
        oversample: int | None = None,
        embeddings: Any = None,
        filter: dict[str, Any] | None = None,
        range: tuple[int, int] | None = None,
        content: bool = False,
        names: bool = False,
        pushed: str | os.PathLike[str] | None = None,
        unlisted: bool = False,
    ) -> list[list[Hit]]:
        """Finds the ``k`` nearest vectors to each query, nearest first.

        Without ``oversample``, ``content`` and ``names`` the server does not learn which vectors these are. With any
        of them it sees which chunks are fetched. A malicious server that sends invented distances then learns bits of
        stored vectors.

        :param queries: (Q, D), in the forms of ``vectors`` in :meth:`push`.
        :param k: The number of vectors to find for each query.
        :param oversample: Fetch ``oversample`` times ``k`` candidates, and rerank them by the cosine of the
            embeddings that :meth:`push` sealed with ``rerank``.
        :param embeddings: The real queries for reranking, if ``queries`` are bits. Requires ``oversample``.
        :param filter: Search only chunks with matching metadata, such as
            ``{"tag1": "notes", "facets": {"$any": ["a", "b"]}}``.
        :param range: Search only chunks with numbers from the first to the last, inclusive.
        :param content: Fetch and open contents, and fetch names and metadata.
        :param names: Fetch names and metadata.
        :param pushed: The file with the list of pushed vectors.
        :param unlisted: Do not check the answer against the list: trust the server to return the right chunks.
        :return: A list for each query.
        :raises InputError: if an argument is invalid.
        :raises FileError: if there is no list of pushed vectors for the knowledge base.
        :raises RemoteError: if the server refuses, cannot be reached or sends an invalid answer.
        """
        _check(context)
        k = integer(k, "k")
        if oversample is not None:
            oversample = integer(oversample, "oversample")
        if k < 0 or (oversample is not None and oversample < 1):
            raise InputError("k cannot be negative, and oversample must be at least 1")
        if embeddings is not None and oversample is None:
            raise InputError(
                "embeddings are used only to rerank candidates: give oversample= too, such as oversample=5, or omit embeddings="
            )
        answers = self._server.find(
            context._context,
            *self._ids(kb, context, False),
            queries,
            None if oversample is None else _reals(queries, embeddings, "oversample"),
            k,
            oversample,
            None if filter is None else as_json(filter, "the filter"),
            None if range is None else number_range(range),
            2 if content else 1 if names else 0,
            None if unlisted else _list_path(context, pushed),
            STOP.get(),
        )
        return [[_hit(found) for found in answer] for answer in answers]

    def delete(
        self, kb: str | KnowledgeBase, context: ExecutionContext, ids: Any, *, pushed: str | os.PathLike[str] | None = None
    ) -> int:
        """Deletes vectors with their contents and metadata, by the ids they were pushed with. Requires an API key
        with the permission to delete.

        :return: The number of deleted vectors.
        """
        _check(context)
        return self._server.delete(*self._ids(kb, context, False), ids, _list_path(context, pushed))

    def _ids(self, kb: str | KnowledgeBase, context: ExecutionContext, store: bool = True) -> tuple[str, str]:
        """Returns the ids of a knowledge base and of a context."""
        if isinstance(kb, KnowledgeBase):
            base = kb.id
        else:
            base = self._server.knowledge_base_id(text(kb, "the knowledge base's id or name"))
        return base, self._server.ensure_context(context._context) if store else context.id


def _check(context: object) -> None:
    """Refuses other types, which swapped arguments lead to."""
    if not isinstance(context, ExecutionContext):
        raise InputError(f"the context is of type {type(context).__name__}, expected an ExecutionContext: the knowledge base comes first, then the context")


def _reals(vectors: Any, embeddings: Any, what: str) -> NDArray[numpy.float32]:
    try:
        return reals(vectors if embeddings is None else embeddings, what)
    except InputError as error:
        if embeddings is not None:
            raise
        raise InputError(f"{error}; give the real vectors as embeddings=") from None


def _list_path(context: ExecutionContext, given: str | os.PathLike[str] | None) -> pathlib.Path:
    if given is not None:
        return pathlib.Path(given)
    if context._path is None:
        raise InputError(
            "the context has no file, so the list of pushed vectors has no default name: save it (context.save_to_disk), "
            "or give pushed='notes.pushed'"
        )
    return context._path.with_name(context._path.name + ".pushed")


def _hit(found: tuple[Any, ...]) -> Hit:
    id, chunk, distance, cosine, name, metadata, content = found
    return Hit(id, distance, cosine, content, None if metadata is None else json.loads(metadata), name, chunk)
