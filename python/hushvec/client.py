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

#: Set to stop a push or a search that an :class:`hushvec.AsyncClient` began.
STOP: ContextVar[threading.Event | None] = ContextVar("STOP", default=None)


@dataclass(frozen=True)
class KnowledgeBase:
    """A collection of vectors on a server."""

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

    #: The id that it was pushed under; ``None`` if the list of pushed vectors has none for it.
    id: int | str | None
    #: The Hamming distance to the query.
    distance: int
    #: The cosine of the angle to the query, if candidates were ranked by it.
    cosine: float | None
    #: Its content, if that was asked for.
    content: str | None
    #: Its metadata, if content or names were asked for.
    metadata: dict[str, Any] | None
    #: Its name on the server, if content or names were asked for.
    name: str | None
    #: Its number on the server.
    chunk: int


@dataclass(frozen=True)
class Pushed:
    """What became of vectors that were pushed."""

    stored: int
    replaced: int
    skipped: int
    #: How many could not be listed, because the server did not tell their numbers.
    unlisted: int


class Client:
    """Stores encrypted vectors on a server and searches them there. The server learns neither vectors nor queries nor distances.

    Names of knowledge bases and metadata are readable to the server; vectors, embeddings and content are not.

    What was pushed is listed in a file, which answers are checked with: the server cannot leave a vector out or make one up.
    The file is beside the context's, with ``.pushed`` added to its name, unless ``pushed`` names another.

    :param url: The server, such as ``https://search.example.org``.
    :param api_key: The API key for the server; else the environment variable ``HUSHVEC_API_KEY``.
    :param admin_key: The admin key, for knowledge bases; else ``HUSHVEC_ADMIN_KEY``, or the API key.
    :param org: The organisation.
    :param ca_file: A PEM file of certificates to trust beside the operating system's.
    :raises InputError: if the address, a key or the file cannot be one, or there is no key.
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
            raise InputError("the server wants an API key: give api_key=, or set HUSHVEC_API_KEY")
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
            # An admin key is an API key too.
            admin_key = api_key
        self._arguments = (url, org, api_key, admin_key, certificates)
        self._server = Server(*self._arguments)

    def __getstate__(self) -> dict[str, Any]:
        # The keys go with it.
        return {"arguments": self._arguments}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._arguments = state["arguments"]
        self._server = Server(*self._arguments)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._server.host!r}, …)"

    # Knowledge bases.

    def knowledge_bases(self) -> list[KnowledgeBase]:
        """The knowledge bases of the organisation; without the admin key those that the API key may use.

        :raises RemoteError: if the server refuses, or is not reached.
        """
        return [KnowledgeBase._of(fields) for fields in json.loads(self._server.knowledge_bases())]

    def knowledge_base(self, kb: str) -> KnowledgeBase:
        """A knowledge base by its id or its name.

        :raises RemoteError: if there is none, or several have that name.
        """
        return KnowledgeBase._of(json.loads(self._server.find_knowledge_base(text(kb, "the knowledge base's id or name"))))

    def create_knowledge_base(self, name: str, description: str = "") -> KnowledgeBase:
        """Makes a knowledge base, unless there is one of that name. The API key may store and search in it then.

        Takes the admin key.
        """
        text(name, "the name")
        text(description, "the description")
        for there in self.knowledge_bases():
            if there.name == name:
                return there
        return KnowledgeBase._of(json.loads(self._server.create_knowledge_base(name, description)))

    def delete_knowledge_base(self, kb: str | KnowledgeBase) -> None:
        """Deletes a knowledge base with everything in it, for good. Takes the admin key.

        :param kb: Itself, its id or its name.
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
        """Encrypts vectors and stores them. The context is stored too, with its secret key sealed, unless the server has it.

        Pushing the same ids again replaces them, so that a push that was stopped can be repeated.

        :param kb: A knowledge base, or its id or name.
        :param vectors: (N, D) of real numbers, of which signs are taken, or of zeros and ones, as :func:`project` makes them; or
            packed bits.
        :param ids: An integer or a string for each vector. The server can read them.
        :param contents: A text for each vector, which is sealed.
        :param metadata: For each vector a dictionary with ``tag1`` to ``tag5`` (strings) and ``facets`` (a list of strings). The
            server can read it, and filter by it.
        :param rerank: Seal real vectors too, for ``oversample`` in :meth:`search`: ``int8`` takes a byte a dimension,
            ``float16`` two.
        :param embeddings: The real vectors to seal, if ``vectors`` are not real.
        :param on_conflict: What to do with ids that are stored: ``replace`` them (content, metadata and all that is given),
            ``skip`` them, or raise an ``error`` before anything is stored.
        :param pushed: The file that lists what was pushed.
        :param progress: ``True`` for a bar, or a function of the vectors stored so far.
        :raises InputError: if something given cannot be used.
        :raises RemoteError: if the server refuses or is not reached. What was stored until then is listed.
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
            *self._place(kb, context),
            vectors,
            ids,
            sealed,
            None if metadata is None else as_json(list(metadata), "the metadata"),
            real,
            rerank or "int8",
            on_conflict,
            _list(context, pushed),
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
        """Finds the vectors that are nearest to each query, nearest first.

        Without ``oversample``, ``content`` and ``names`` the server does not learn which ones those are. With any of them it sees
        which chunks are fetched, and a malicious server that makes up distances learns bits of stored vectors from that.

        :param queries: (Q, D), as ``vectors`` of :meth:`push`.
        :param k: How many to find.
        :param oversample: Fetch so many times ``k`` candidates, and rank them by the cosine of what ``rerank`` sealed.
        :param embeddings: The real queries to rank by, if ``queries`` are not real. They take ``oversample``.
        :param filter: Only chunks whose metadata is so, such as ``{"tag1": "notes", "facets": {"$any": ["a", "b"]}}``.
        :param range: Only chunks with these numbers, the first and the last.
        :param content: Fetch and open contents, and fetch metadata.
        :param names: Fetch names and metadata.
        :param pushed: The file that lists what was pushed.
        :param unlisted: Believe whatever chunks the server has, listed or not.
        :return: A list for each query.
        :raises InputError: if something given cannot be used.
        :raises RemoteError: if the server refuses or is not reached, or its answer is not what it must be.
        """
        _check(context)
        k = integer(k, "k")
        if oversample is not None:
            oversample = integer(oversample, "oversample")
        if k < 0 or (oversample is not None and oversample < 1):
            raise InputError("k cannot be negative, and oversample must be at least 1")
        if embeddings is not None and oversample is None:
            raise InputError("embeddings are to rank candidates by: give oversample= too, such as oversample=5, or no embeddings")
        answers = self._server.find(
            context._context,
            *self._place(kb, context, False),
            queries,
            None if oversample is None else _reals(queries, embeddings, "oversample"),
            k,
            oversample,
            None if filter is None else as_json(filter, "the filter"),
            None if range is None else number_range(range),
            2 if content else 1 if names else 0,
            None if unlisted else _list(context, pushed),
            STOP.get(),
        )
        return [[_hit(found) for found in answer] for answer in answers]

    def delete(
        self, kb: str | KnowledgeBase, context: ExecutionContext, ids: Any, *, pushed: str | os.PathLike[str] | None = None
    ) -> int:
        """Deletes vectors by the ids that they were pushed under, with all that belongs to them. Takes a key that may delete.

        :return: How many there were.
        """
        _check(context)
        return self._server.delete(*self._place(kb, context, False), ids, _list(context, pushed))

    def _place(self, kb: str | KnowledgeBase, context: ExecutionContext, store: bool = True) -> tuple[str, str]:
        """The ids of a knowledge base and of a context."""
        if isinstance(kb, KnowledgeBase):
            base = kb.id
        else:
            base = self._server.knowledge_base_id(text(kb, "the knowledge base's id or name"))
        return base, self._server.ensure_context(context._context) if store else context.id


def _check(context: object) -> None:
    """Says so if arguments are in another order, or a context is something else."""
    if not isinstance(context, ExecutionContext):
        raise InputError(f"the context is of type {type(context).__name__}, expected an ExecutionContext: the knowledge base comes first, then the context")


def _reals(vectors: Any, embeddings: Any, what: str) -> NDArray[numpy.float32]:
    try:
        return reals(vectors if embeddings is None else embeddings, what)
    except InputError as error:
        if embeddings is not None:
            raise
        raise InputError(f"{error}; give the real ones as embeddings=") from None


def _list(context: ExecutionContext, given: str | os.PathLike[str] | None) -> pathlib.Path:
    if given is not None:
        return pathlib.Path(given)
    if context._path is None:
        raise InputError(
            "the context has no file beside which to list what is pushed: save it (context.save_to_disk), or give "
            "pushed='notes.pushed'"
        )
    return context._path.with_name(context._path.name + ".pushed")


def _hit(found: tuple[Any, ...]) -> Hit:
    id, chunk, distance, cosine, name, metadata, content = found
    return Hit(id, distance, cosine, content, None if metadata is None else json.loads(metadata), name, chunk)
