"""Encryption of vectors and decryption of distances, for arrays and for lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy
from numpy.typing import NDArray

from ._hushvec import Context, InputError
from .progress import Progress


class EncryptsVectors:
    """The methods of clients and contexts for vectors."""

    @property
    def _keys(self) -> Context:
        raise NotImplementedError

    @overload
    def encrypt_vec_one(self, embd: NDArray[Any]) -> NDArray[numpy.uint8]: ...
    @overload
    def encrypt_vec_one(self, embd: Sequence[int]) -> list[int]: ...
    def encrypt_vec_one(self, embd: Any) -> Any:
        """Encrypts one vector. Returns (key_len/2,) uint8 for an array, a list of one integer for a list.

        :raises InputError: if the vector has the wrong length or an element that is not binary.
        """
        if isinstance(embd, numpy.ndarray):
            if embd.ndim != 1:
                raise InputError(f"one vector has one dimension, this array has {embd.ndim}: use encrypt_vec_batch")
            return self._keys.encrypt(embd[numpy.newaxis])[0]
        return self.encrypt_vec_batch([embd])[0]

    @overload
    def encrypt_vec_batch(self, embds: NDArray[Any], progress: Progress = None) -> NDArray[numpy.uint8]: ...
    @overload
    def encrypt_vec_batch(self, embds: Sequence[Sequence[int]], progress: Progress = None) -> list[list[int]]: ...
    def encrypt_vec_batch(self, embds: Any, progress: Progress = None) -> Any:
        """Encrypts vectors. Returns (N, key_len/2) uint8 for an array, a list of lists of one integer for a list.

        :param progress: See :mod:`hushvec.progress`.
        :raises InputError: if a vector has the wrong length or an element that is not binary. The message names the
            row.
        """
        encrypted = self._keys.encrypt(embds, progress)
        if isinstance(embds, numpy.ndarray):
            return encrypted
        width, data = self._keys.width, encrypted.tobytes()
        return [[int.from_bytes(data[at : at + width], "little")] for at in range(0, len(data), width)]

    def decode_hamming_client_one(self, cipher: NDArray[numpy.uint8] | Sequence[int | bytes]) -> int:
        """Decrypts one encrypted distance: (key_len/2,) uint8, or a list of one integer or bytes object.

        :raises InputError: if it is not a ciphertext, or not the ciphertext of a distance.
        """
        if isinstance(cipher, numpy.ndarray):
            return int(self._keys.decode(cipher[numpy.newaxis])[0])
        return self.decode_hamming_client_batch([cipher])[0]

    @overload
    def decode_hamming_client_batch(
        self, ciphers: NDArray[numpy.uint8], progress: Progress = None
    ) -> NDArray[numpy.uint32]: ...
    @overload
    def decode_hamming_client_batch(
        self, ciphers: Sequence[Sequence[int | bytes]], progress: Progress = None
    ) -> list[int]: ...
    def decode_hamming_client_batch(self, ciphers: Any, progress: Progress = None) -> Any:
        """Decrypts encrypted distances. Returns (N,) uint32 for an array, a list of integers for a list.

        :param progress: See :mod:`hushvec.progress`.
        :raises InputError: if a row is not a ciphertext, or not the ciphertext of a distance. The message names it.
        """
        if isinstance(ciphers, numpy.ndarray):
            return self._keys.decode(ciphers, progress)
        return self._keys.decode(self._array(ciphers), progress).tolist()

    def decrypt_vec_batch(
        self, ciphers: NDArray[numpy.uint8] | Sequence[Sequence[int | bytes]]
    ) -> NDArray[numpy.uint8]:
        """Decrypts encrypted vectors. Returns (N, D) uint8 of 0 and 1."""
        return self._keys.decrypt_vectors(ciphers if isinstance(ciphers, numpy.ndarray) else self._array(ciphers))

    def _array(self, ciphers: Sequence[Sequence[int | bytes]]) -> NDArray[numpy.uint8]:
        """Converts lists of one integer or bytes object to an array."""
        width = self._keys.width
        rows = bytearray()
        for number, cipher in enumerate(ciphers):
            try:
                (value,) = cipher
                data = value.rstrip(b"\0") if isinstance(value, bytes) else int(value).to_bytes(width, "little")
            except (TypeError, ValueError, OverflowError) as error:
                raise InputError(f"ciphertext {number} is not a list of one integer below 2^{8 * width}") from error
            if len(data) > width:
                raise InputError(f"ciphertext {number} has {len(data)} bytes; the maximum is {width} bytes")
            rows += data.ljust(width, b"\0")
        return numpy.frombuffer(rows, dtype=numpy.uint8).reshape(-1, width)
