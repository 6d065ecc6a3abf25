"""The client for servers with coroutines."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

from .client import STOP, Client, Hit, KnowledgeBase, Pushed
from .context import ExecutionContext
from .progress import Progress


_T = TypeVar("_T")


async def _in_thread(method: Callable[..., _T], *arguments: Any, **options: Any) -> _T:
    """Calls a method of the client in another thread, and stops it if the waiting task is cancelled."""
    stop = threading.Event()
    token = STOP.set(stop)
    try:
        return await asyncio.to_thread(method, *arguments, **options)
    except asyncio.CancelledError:
        stop.set()
        raise
    finally:
        STOP.reset(token)


class AsyncClient:
    """A :class:`Client` whose methods are coroutines. Their work runs in other threads.

    A push or search that is cancelled, or interrupted with Ctrl-C, stops at its next block.

    ::

        client = hushvec.AsyncClient("https://search.example.org")
        hits = await client.search("notes", context, query)
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
        self._client = Client(url, api_key, admin_key=admin_key, org=org, ca_file=ca_file)

    def __repr__(self) -> str:
        return repr(self._client).replace("Client", "AsyncClient", 1)

    async def knowledge_bases(self) -> list[KnowledgeBase]:
        """See :meth:`Client.knowledge_bases`."""
        return await _in_thread(self._client.knowledge_bases)

    async def knowledge_base(self, kb: str) -> KnowledgeBase:
        """See :meth:`Client.knowledge_base`."""
        return await _in_thread(self._client.knowledge_base, kb)

    async def create_knowledge_base(self, name: str, description: str = "") -> KnowledgeBase:
        """See :meth:`Client.create_knowledge_base`."""
        return await _in_thread(self._client.create_knowledge_base, name, description)

    async def delete_knowledge_base(self, kb: str | KnowledgeBase) -> None:
        """See :meth:`Client.delete_knowledge_base`."""
        await _in_thread(self._client.delete_knowledge_base, kb)

    async def push(
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
        """See :meth:`Client.push`. A progress function is called in another thread."""
        return await _in_thread(
            self._client.push,
            kb,
            context,
            vectors,
            ids,
            contents=contents,
            metadata=metadata,
            rerank=rerank,
            embeddings=embeddings,
            on_conflict=on_conflict,
            pushed=pushed,
            progress=progress,
        )

    async def search(
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
        """See :meth:`Client.search`."""
        return await _in_thread(
            self._client.search,
            kb,
            context,
            queries,
            k,
            oversample=oversample,
            embeddings=embeddings,
            filter=filter,
            range=range,
            content=content,
            names=names,
            pushed=pushed,
            unlisted=unlisted,
        )

    async def delete(
        self, kb: str | KnowledgeBase, context: ExecutionContext, ids: Any, *, pushed: str | os.PathLike[str] | None = None
    ) -> int:
        """See :meth:`Client.delete`."""
        return await _in_thread(self._client.delete, kb, context, ids, pushed=pushed)
