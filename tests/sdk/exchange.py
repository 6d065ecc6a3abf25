"""The SDK's side of tests/sdk.rs: makes contexts and ciphertexts, and checks those of hushvec.

usage: exchange.py make FOLDER CONTEXTS VECTORS | exchange.py check FOLDER
"""

import base64
import json
import pathlib
import random
import sys

from xtrace_sdk.x_vec.crypto.paillier_lookup_client import PaillierLookupClient
from xtrace_sdk.x_vec.crypto.key_provider import PassphraseKeyProvider
from xtrace_sdk.x_vec.utils.execution_context import ExecutionContext

PASSPHRASE = "naïve passphrase"
EMBED_LEN = 96


def wire(number):
    number = int(number)
    return base64.b64encode(number.to_bytes((number.bit_length() + 7) // 8, "little")).decode()


def contexts(count):
    """Creates contexts of both client types, with smaller lookup keys, because the SDK takes seconds for each."""
    for i in range(count):
        salt = random.randbytes(16) if i % 2 else None
        yield f"paillier_{i}", ExecutionContext.create(
            passphrase=PASSPHRASE, homomorphic_client_type="paillier", embedding_length=EMBED_LEN, salt=salt
        )
        if i % 5 == 0:
            client = PaillierLookupClient(embed_len=EMBED_LEN, key_len=512, alpha_len=random.choice([50, 64, 128]))
            yield f"lookup_{i}", ExecutionContext(client, PassphraseKeyProvider(PASSPHRASE, salt=salt))


def make(folder, count, vectors):
    for name, context in contexts(count):
        context.save_to_disk(str(folder / f"{name}.context.json"))
        bits = [[random.randrange(2) for _ in range(EMBED_LEN)] for _ in range(vectors)]
        encrypted = context.homomorphic.encrypt_vec_batch(bits)
        record = {
            "id": context.id,
            "bits": ["".join(map(str, row)) for row in bits],
            "wire": [wire(c[0]) for c in encrypted],
            "content": context.aes.encrypt("päyload").decode(),
        }
        (folder / f"{name}.json").write_text(json.dumps(record))


def check(folder):
    checked = 0
    for record_path in sorted(folder.glob("*.answer.json")):
        record = json.loads(record_path.read_text())
        context_path = str(folder / record["context"])
        context = ExecutionContext.load_from_disk(passphrase=PASSPHRASE, path=context_path)
        assert context.id == record["id"], (context_path, context.id, record["id"])
        ciphers = [[base64.b64decode(c)] for c in record["wire"]]
        assert context.homomorphic.decode_hamming_client_batch(ciphers) == record["distances"], context_path
        assert context.aes.decrypt(record["content"].encode()) == "päyload"
        # The SDK also aggregates: its own encryption times hushvec's query.
        bits = [int(b) for b in record["bits"]]
        n_squared = int(json.loads(context.homomorphic.stringify_pk())["n_squared"])
        own = int(context.homomorphic.encrypt_vec_one(bits)[0])
        query = int.from_bytes(base64.b64decode(record["query"]), "little")
        assert context.homomorphic.decode_hamming_client_one([own * query % n_squared]) == record["query_distance"]
        checked += 1
    print(f"checked {checked}")


if __name__ == "__main__":
    command, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if command == "make":
        make(folder, int(sys.argv[3]), int(sys.argv[4]))
    else:
        check(folder)
