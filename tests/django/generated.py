"""Holds generated classes to tests/vectors: `python generated.py FOLDER`, where FOLDER is the one of `every`.

Prints a JSON object: for each vector that betterproto does not carry, what went wrong in which form.
"""

import importlib
import json
import pathlib
import sys

sys.path.insert(0, sys.argv[1])
module = importlib.import_module("every.every.kind")
VECTORS = pathlib.Path(__file__).parent.parent / "vectors" / "bodies.json"


def binary(message, vector):
    """Whether reading and writing the bytes gives them again; entries of maps may come in another order."""
    read = message().parse(bytes.fromhex(vector["binary"]))
    if vector.get("maps"):
        return message().parse(bytes(read)) == read
    return bytes(read).hex() == vector["binary"]


def text(message, vector):
    """Whether reading and writing the JSON gives it again."""
    read = message().from_dict(json.loads(vector["classic"]))
    return json.loads(json.dumps(read.to_dict(), allow_nan=False)) == json.loads(vector["classic"])


wrong = {}
count = 0
for vector in json.loads(VECTORS.read_text(encoding="utf-8"))["written"]:
    message = getattr(module, vector["message"].rsplit(".", 1)[1])
    for form in (binary, text):
        count += 1
        try:
            result = "changed" if not form(message, vector) else None
        except Exception as error:
            result = type(error).__name__
        if result:
            wrong[f"{vector['name']}: {form.__name__}"] = result
print(json.dumps({"count": count, "wrong": wrong}))
