"""Writes bodies.json, envelopes.json and refused.json with protobuf's own Python implementation, which shares no code with psd.

    python3 -m venv /tmp/vectors && /tmp/vectors/bin/pip install protobuf grpcio-tools
    /tmp/vectors/bin/python tests/vectors/make.py

Run it after adding a case below; README.md says what the files mean. What stands in refused.json is our claim alone.
"""

import base64
import json
import math
import os
import re
import sys
import tempfile
import zlib
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# Name, message, proto3 JSON.
BODIES = [
    ("nothing is set", "every.kind.Scalars", {}),
    ("every scalar", "every.kind.Scalars", {
        "aDouble": 0.1, "aFloat": -1.5, "anInt32": -2147483648, "anInt64": "-9223372036854775808",
        "aUint32": 4294967295, "aUint64": "18446744073709551615", "aSint32": -1, "aSint64": "-2", "aFixed32": 3,
        "aFixed64": "4", "anSfixed32": -5, "anSfixed64": "-6", "aBool": True, "aString": "ž \"q\" \\ \n \u2028 🐎",
        "someBytes": "AP/+Pj8=", "aMood": "soSo"}),
    ("64-bit integers beyond 2^53", "every.kind.Scalars", {
        "anInt64": "9007199254740993", "aUint64": "9007199254740993", "aSint64": "-9007199254740993",
        "aFixed64": "9007199254740993", "anSfixed64": "9223372036854775807"}),
    ("no number", "every.kind.Scalars", {"aDouble": "NaN", "aFloat": "-Infinity"}),
    ("large and small numbers", "every.kind.Scalars", {"aDouble": 1.7976931348623157e308, "aFloat": 0.15625}),
    ("smallest double", "every.kind.Scalars", {"aDouble": 5e-324}),
    ("negative enum", "every.kind.Scalars", {"aMood": "SAD"}),
    ("enum number without a name", "every.kind.Scalars", {"aMood": 77}),
    ("control characters", "every.kind.Scalars", {"aString": "".join(map(chr, range(32))) + "\x7f/<>&'"}),
    ("bytes of each padding", "every.kind.Lists", {"manyBytes": ["", "AA==", "AAE=", "AAEC", "+/+/"]}),
    ("explicit defaults of optional fields", "every.kind.Presence", {
        "aDouble": 0.0, "aFloat": 0.0, "anInt32": 0, "anInt64": "0", "aUint32": 0, "aUint64": "0", "aBool": False,
        "aString": "", "someBytes": "", "aMood": "mood_none", "aMessage": {}}),
    ("lists", "every.kind.Lists", {
        "doubles": [0.0, 1.5], "floats": [0.0, -1.5], "int32s": [0, -1], "int64s": ["0", "-1"], "uint32s": [0, 1],
        "uint64s": ["0", "1"], "bools": [False, True], "strings": ["", "x"], "manyBytes": ["", "AA=="],
        "moods": ["mood_none", "SAD", 9], "messages": [{}, {"anInt32": 0, "aMessage": {}}]}),
    ("maps of every key", "every.kind.Maps", {
        "byInt32": {"-1": "a", "2": "b"}, "byInt64": {"-9223372036854775808": "a"}, "byUint32": {"4294967295": "a"},
        "byUint64": {"18446744073709551615": "a"}, "bySint32": {"-1": ""}, "bySint64": {"-1": ""},
        "byFixed32": {"1": ""}, "byFixed64": {"1": ""}, "bySfixed32": {"-1": ""}, "bySfixed64": {"-1": ""},
        "byBool": {"false": "a", "true": "b"}, "byString": {"": "", "a\"b": "\n"}}),
    ("maps to every value", "every.kind.Maps", {
        "toDouble": {"a": 0.0}, "toInt64": {"a": "4611686018427387904"}, "toBool": {"a": False},
        "toBytes": {"a": "AQI="}, "toMood": {"a": "HAPPY", "b": "mood_none", "c": 5},
        "toMessage": {"a": {}, "b": {"anInt32": 1}}, "toTimestamp": {"a": "1970-01-01T00:00:00Z"},
        "toWrapper": {"a": "0", "b": "7"}, "toValue": {"a": None, "b": [1.0, {}]}}),
    *[(f"oneof: {name}", "every.kind.Choice", value) for name, value in [
        ("number", {"number": "0"}), ("text", {"text": ""}), ("bytes", {"data": ""}), ("enum", {"mood": "mood_none"}),
        ("message", {"inside": {"depth": "DEEP"}}), ("itself", {"again": {"again": {"text": "x"}}}),
        ("wrapper", {"wrapped": ""}), ("null", {"nothing": None}), ("any JSON", {"anything": {"a": [True, None]}}),
        ("empty", {"empty": {}}), ("message of another file", {"file": {"localKey": "k"}}),
        ("two of them", {"before": "b", "after": "a", "text": "x", "yes": False})]],
    ("timestamps", "every.kind.WellKnown", {"timestamp": "2024-02-29T12:30:45.500Z"}),
    ("first timestamp", "every.kind.WellKnown", {"timestamp": "0001-01-01T00:00:00Z"}),
    ("last timestamp", "every.kind.WellKnown", {"timestamp": "9999-12-31T23:59:59.999999999Z"}),
    ("durations", "every.kind.WellKnown", {"duration": "-90.000000001s", "durations": ["0s", "3.500s", "-0.000001s"]}),
    ("wrappers of defaults", "every.kind.WellKnown", {
        "boolValue": False, "bytesValue": "", "doubleValue": 0.0, "floatValue": 0.0, "int32Value": 0,
        "int64Value": "0", "stringValue": "", "uint32Value": 0, "uint64Value": "0"}),
    ("field mask, struct, value, list", "every.kind.WellKnown", {
        "fieldMask": "fooBar,baz.qux", "struct": {"a": [1.5, "x", None, True, {}]}, "value": None,
        "listValue": [None, []], "values": [None, 0.0, "", False, {}, []], "maybeNull": None, "empty": {}}),
    ("any", "every.kind.WellKnown", {
        "any": {"@type": "type.googleapis.com/every.kind.Scalars", "anInt32": 7},
        "anys": [{"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}]}),
    ("recursion", "every.kind.Node", {
        "next": {"next": {"label": "x"}}, "other": {"node": {"other": {}}}, "children": [{}, {"children": [{}]}],
        "named": {"a": {"label": "y"}}}),
    ("names", "every.kind.Names", {
        "type": "1", "self": "2", "crate": "3", "class": "4", "camelName": "5", "HTTPCode": "6", "with2Digits": "7",
        "field1": "8", "aBC": "9", "Leading": "10", "trailing": "11", "twoUnder": "12", "@chosen \"name\"": "13",
        "deprecated": "14", "name": "15", "field": "16", "writer": "17", "async": {}}),
    ("more than 64 fields", "every.kind.Wide", {f"f{index}": index + 1 for index in range(67)}),
]

# Other JSON for the same meaning: name, message, texts, and the JSON that is written for each of them.
READ = [
    ("integers spelt in every way", "every.kind.Scalars",
     ['{"anInt32":12}', '{"anInt32":"12"}', '{"anInt32":12.0}', '{"anInt32":1.2e1}', '{"an_int32":12}',
      '{ "anInt32" : 12 }\n'], {"anInt32": 12}),
    ("64-bit integers spelt in every way", "every.kind.Scalars",
     ['{"anInt64":"9007199254740993"}', '{"anInt64":9007199254740993}', '{"an_int64":"9007199254740993"}'],
     {"anInt64": "9007199254740993"}),
    ("numbers as strings", "every.kind.Scalars", ['{"aDouble":"1e3"}', '{"aDouble":1000}', '{"aDouble":1E+3}'],
     {"aDouble": 1000.0}),
    ("both alphabets of base64", "every.kind.Scalars", ['{"someBytes":"+/8="}', '{"someBytes":"-_8"}'],
     {"someBytes": "+/8="}),
    ("enum by number and alias", "every.kind.Scalars", ['{"aMood":1}', '{"aMood":"GLAD"}', '{"aMood":"HAPPY"}'],
     {"aMood": "HAPPY"}),
    ("null and defaults are nothing", "every.kind.Scalars",
     ['{"aString":null,"anInt32":null,"someBytes":null,"aMood":null}', '{"aString":"","anInt32":0,"aBool":false}'], {}),
    ("null in a oneof is nothing", "every.kind.Choice", ['{"text":null}', '{"text":null,"number":null}'], {}),
    ("an offset of a timestamp", "every.kind.WellKnown",
     ['{"timestamp":"2024-02-29T14:00:45.5+01:30"}', '{"timestamp":"2024-02-29T12:30:45.500000000Z"}'],
     {"timestamp": "2024-02-29T12:30:45.500Z"}),
    ("the last of equal keys counts", "every.kind.Maps", ['{"byInt32":{"1":"a","1":"b"}}'], {"byInt32": {"1": "b"}}),
    ("escapes", "every.kind.Scalars", ['{"aString":"\\u00e9\\ud83d\\udc0e\\/\\b"}'], {"aString": "é🐎/\b"}),
    ("names of the .proto file", "every.kind.Names",
     ['{"with_2_digits":"7","field_1":"8","a_b_c":"9","_leading":"10","trailing_":"11","two__under":"12"}',
      '{"with_2Digits":"7","field_1":"8","aBC":"9","Leading":"10","trailing_":"11","two_Under":"12"}'],
     {"with2Digits": "7", "field1": "8", "aBC": "9", "Leading": "10", "trailing": "11", "twoUnder": "12"}),
]

# What a server reads only from classic clients, and what it passes over because the client may be newer.
SERVER = [
    ("classic: timestamps and durations as objects", "classic", "every.kind.WellKnown",
     ['{"timestamp":{"seconds":"5","nanos":1},"duration":{"seconds":5}}'],
     {"timestamp": "1970-01-01T00:00:05.000000001Z", "duration": "5s"}),
    ("classic: wrappers as objects", "classic", "every.kind.WellKnown",
     ['{"int64Value":{"value":"7"},"boolValue":{"value":false}}'], {"int64Value": "7", "boolValue": False}),
    ("unknown fields and enum names", "v1.json", "every.kind.Scalars",
     ['{"newer":{"a":[1,"x",null]},"aString":"x","aMood":"FURIOUS"}'], {"aString": "x"}),
]


def node(levels, inner=b""):
    """A `Node` that nests so many levels of `next`, in binary."""
    for _ in range(levels):
        length = bytes([len(inner)]) if len(inner) < 128 else bytes([len(inner) & 127 | 128, len(inner) >> 7])
        inner = b"\x0a" + length + inner
    return inner.hex()


# Bodies that are refused: kind, path, message, text.
REFUSED_JSON = [
    ("syntax", "", "every.kind.Scalars", ["", "{", "{} x", '{"aString":"x"}}', "{'aString':'x'}", '{"aString":"x",}',
                                          "// x\n{}"]),
    ("syntax", "anInt32", "every.kind.Scalars", ['{"anInt32":01}', '{"anInt32":NaN}', '{"anInt32":+1}']),
    ("syntax", "aString", "every.kind.Scalars", ['{"aString":"x', '{"aString":"\\x"}', '{"aString":"\t"}']),
    ("type", "", "every.kind.Scalars", ["null", "[]", "1", '"{}"']),
    ("type", "aString", "every.kind.Scalars", ['{"aString":1}', '{"aString":{}}']),
    ("type", "aBool", "every.kind.Scalars", ['{"aBool":1}', '{"aBool":"true"}']),
    ("type", "anInt32", "every.kind.Scalars", ['{"anInt32":"x"}', '{"anInt32":1.5}', '{"anInt32":""}', '{"anInt32":true}']),
    ("type", "aDouble", "every.kind.Scalars", ['{"aDouble":"abc"}']),
    ("type", "int32s[1]", "every.kind.Lists", ['{"int32s":[1,null]}']),
    ("type", "children[3].label", "every.kind.Node", ['{"children":[{},{},{},{"label":7}]}']),
    ("type", "named[\"a b\"].label", "every.kind.Node", ['{"named":{"a b":{"label":[]}}}']),
    ("type", "byInt32.x", "every.kind.Maps", ['{"byInt32":{"x":"y"}}']),
    ("type", "timestamp", "every.kind.WellKnown", ['{"timestamp":"yesterday"}', '{"timestamp":5}']),
    ("range", "anInt32", "every.kind.Scalars", ['{"anInt32":2147483648}', '{"anInt32":"-2147483649"}']),
    ("range", "aUint64", "every.kind.Scalars", ['{"aUint64":-1}', '{"aUint64":"18446744073709551616"}']),
    ("range", "aFloat", "every.kind.Scalars", ['{"aFloat":1e39}']),
    ("range", "aDouble", "every.kind.Scalars", ['{"aDouble":1e309}']),
    ("base64", "someBytes", "every.kind.Scalars", ['{"someBytes":"%"}', '{"someBytes":"A"}']),
    ("surrogate", "aString", "every.kind.Scalars", ['{"aString":"\\ud800"}', '{"aString":"\\udc00x"}']),
    ("duplicate", "aString", "every.kind.Scalars", ['{"aString":"x","aString":"y"}', '{"a_string":"x","aString":"y"}']),
    ("oneof", "number", "every.kind.Choice", ['{"text":"x","number":1}']),
    ("depth", "next" + ".next" * 99, "every.kind.Node", ['{"next":' * 100 + "{}" + "}" * 100]),
    ("any", "any", "every.kind.WellKnown", ['{"any":{"@type":"x/every.kind.Nowhere"}}']),
]

REFUSED_BINARY = [
    ("truncated", "every.kind.Scalars", ["18", "1880", "7205616263", "0900"]),
    ("wire-type", "every.kind.Scalars", ["1a00", "7001", "0801"]),
    ("utf8", "every.kind.Scalars", ["7201ff"]),
    ("key", "every.kind.Scalars", ["0000", "0f", "0e"]),
    ("varint", "every.kind.Scalars", ["18ffffffffffffffffffff01"]),
    ("depth", "every.kind.Node", [node(101)]),
]

# Frames that are refused: dialect, kind, how many of their envelopes are handled all the same, frames.
REFUSED_FRAMES = [
    ("classic", "syntax", 0, ["", "x", '{"headers":', '{"headers":{"messageType":"a"}} x', '{"body":[[[']),
    ("classic", "type", 0, ["[]", "1", '{"headers":[]}', '{"headers":{"messageType":1}}']),
    ("classic", "headers-missing", 0, ["{}", '{"headers":null}', '{"body":{}}']),
    ("classic", "message-type-missing", 0, ['{"headers":{}}', '{"headers":{"messageType":""}}',
                                            '{"headers":{"messageType":null}}']),
    ("classic", "uuid-too-long", 0, ['{"headers":{"messageType":"a","uuid":"%s"}}' % ("u" * 257)]),
    ("v1.json", "syntax", 0, ["", "x", '{"headers":', "["]),
    ("v1.json", "syntax", 1, ['[{"headers":{"messageType":"a"}},', '[{"headers":{"messageType":"a"}}] x']),
    ("v1.json", "type", 0, ["1", "[1]", "[null]"]),
    ("v1.json", "type", 1, ['[{"headers":{"messageType":"a"}},1]']),
    ("v1.json", "headers-missing", 0, ["{}", "[{}]"]),
    ("v1.json", "message-type-missing", 0, ['{"headers":{}}']),
    ("v1.json", "uuid-too-long", 0, ['{"headers":{"messageType":"a","uuid":"%s"}}' % ("u" * 257)]),
    ("v1.json", "too-many", 256, ["[" + ",".join(['{"headers":{"messageType":"a"}}'] * 257) + "]"]),
    ("v1.proto", "length", 0, ["05", "80", "020a", "ffffffffffffffffff01"]),
    ("v1.proto", "length", 1, ["050a030a016105"]),
    ("v1.proto", "malformed", 0, ["020a05", "020000", "0108", "010b", "011f"]),
    ("v1.proto", "message-type-missing", 0, ["00", "020a00", "021801"]),
    ("v1.proto", "utf8", 0, ["050a030a01ff"]),
    ("v1.proto", "uuid-too-long", 0, [lambda: proto(envelope({"messageType": "a", "uuid": "u" * 257}))]),
    ("v1.proto", "too-many", 256, ["050a030a0161" * 257]),
]


def pool():
    """Every message of the contract and of v1."""
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(ROOT / "psd-build/protos", Path(folder) / "psd")
        out = str(Path(folder) / "out.bin")
        protos = str(ROOT / "psd-build/tests/rust/protos")
        import grpc_tools
        known = str(Path(grpc_tools.__file__).parent / "_proto")
        code = protoc.main(["protoc", f"-I{protos}", f"-I{folder}", f"-I{known}", "--include_imports",
                            f"--descriptor_set_out={out}", "every.proto", "psd/v1.proto"])
        if code:
            sys.exit(code)
        files = descriptor_pb2.FileDescriptorSet.FromString(Path(out).read_bytes())
    made = descriptor_pool.DescriptorPool()
    for file in files.file:
        made.Add(file)
    return made


POOL = pool()


def new(full_name):
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(full_name))()


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse(full_name, value):
    return json_format.Parse(compact(value), new(full_name), descriptor_pool=POOL)


def binary(message):
    return message.SerializeToString(deterministic=True).hex()


def is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def classic_name(field):
    return re.sub("_([a-z])", lambda match: match[1].upper(), field.name)


def classic(descriptor, value):
    """The same JSON with classic names."""
    if descriptor is None or descriptor.full_name.startswith("google.protobuf."):
        return value
    named = {}
    for field in descriptor.fields:
        if field.json_name not in value:
            continue
        inner = value[field.json_name]
        of = field.message_type
        if is_map(field):
            inner = {key: classic(of.fields_by_name["value"].message_type, item) for key, item in inner.items()}
        elif field.is_repeated:
            inner = [classic(of, item) for item in inner]
        elif of is not None:
            inner = classic(of, inner)
        named[classic_name(field)] = inner
    return named


def meaning(message):
    """The decoded message; README.md describes it."""
    means = {}
    for field, value in message.ListFields():
        if is_map(field):
            of = field.message_type.fields_by_name
            means[field.name] = [[scalar(of["key"], key), scalar(of["value"], value[key])] for key in sorted(value)]
        elif field.is_repeated:
            means[field.name] = [scalar(field, item) for item in value]
        else:
            means[field.name] = scalar(field, value)
    return means


def scalar(field, value):
    if field.message_type is not None:
        return meaning(value)
    if field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64):
        return str(value)
    if field.type == field.TYPE_BYTES:
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def has_maps(message):
    """Whether writers may differ: protobuf does not say in which order entries come, nor whether with defaults."""
    return any(is_map(field) or field.message_type is not None and any(
        map(has_maps, value if field.is_repeated else [value])) for field, value in message.ListFields())


def bodies():
    written, read = [], []
    for name, full_name, value in BODIES:
        message = parse(full_name, value)
        # What we claim to be its JSON is what protobuf writes.
        assert json.loads(json_format.MessageToJson(message, descriptor_pool=POOL)) == value, name
        written.append({
            "name": name, "message": full_name, "meaning": meaning(message), "proto3": compact(value),
            "classic": compact(classic(message.DESCRIPTOR, value)), "binary": binary(message)} | ({"maps": True} if has_maps(message) else {}))
    cases = [(name, None, full_name, texts, value) for name, full_name, texts, value in READ]
    for name, dialect, full_name, texts, value in cases + SERVER:
        if dialect is None:
            for text in texts:
                if "_2Digits" in text or '"1":"a"' in text:
                    continue  # Classic names, and repeated keys, are not for Python.
                assert parse(full_name, value) == json_format.Parse(text, new(full_name)), (name, text)
        read.append({"name": name, "message": full_name, "texts": texts, "proto3": compact(value),
                     "binary": binary(parse(full_name, value))} | ({"dialect": dialect} if dialect else {}))
    return {"written": written, "read": read}


def deflate(data):
    compressor = zlib.compressobj(1, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


def envelope(headers, body=None, seq=0, seen=0, **more):
    return {"headers": headers} | ({"body": body} if body is not None else {}) | (
        {"seq": seq} if seq else {}) | ({"seen": seen} if seen else {}) | more


LONG = "the same again and again, " * 20
REQUEST = envelope({"messageType": "fetch-history", "uuid": "1", "ack": True, "deadlineMs": 5000}, {"label": "a"}, 1)

# Name, direction, envelopes of one frame. Bodies are of every.kind.Node.
V1 = [
    ("docs/PROTOCOL.md, section 2: a request", "c2s", [REQUEST]),
    ("every header of a client", "c2s", [envelope(
        {"messageType": "send-chat", "uuid": "ee55", "authHeader": "a.b.c", "eventTime": "1795396112099",
         "localTime": "1795396112100", "ack": True, "retryCount": 2, "apiVersion": 3, "deadlineMs": 1,
         "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, {"label": "ž"}, 4294967296, 7)]),
    ("without a body", "c2s", [envelope({"messageType": "psd.heartbeat"}, seen=9)]),
    ("without anything but a type", "c2s", [envelope({"messageType": "a"})]),
    ("three in a frame", "c2s", [REQUEST, envelope({"messageType": "psd.cancel", "uuid": "1"}),
                                 envelope({"messageType": "b"}, {"children": [{}]}, 2)]),
    ("none in a frame", "c2s", []),
    ("a push", "s2c", [envelope({"messageType": "chat-sent"}, {"label": "hi"}, 3)]),
    ("a reply that ends its request", "s2c",
     [envelope({"messageType": "history", "uuid": "1", "result": {}}, {"label": "x"}, 2)]),
    ("a reply before the last", "s2c", [envelope({"messageType": "history", "uuid": "1"}, {"label": "x"}, 128)]),
    ("an ack of its own", "s2c", [envelope({"messageType": "ack", "uuid": "1", "result": {}}, seq=16384)]),
    ("an ack of a failure", "s2c", [envelope(
        {"messageType": "ack", "uuid": "1", "result": {"errorMessage": "the text is empty", "errorCode": 422}}, seq=5)]),
    ("an ack of a failure without a code", "s2c", [envelope(
        {"messageType": "ack", "uuid": "1", "result": {"errorMessage": "no \"more\""}}, seq=6)]),
    ("a negative code", "s2c", [envelope(
        {"messageType": "ack", "uuid": "1", "result": {"errorMessage": "x", "errorCode": -1}}, seq=7)]),
    ("a message that is not numbered", "s2c", [envelope({"messageType": "psd.drain"}, {"label": "x"})]),
    ("how far the client was heard", "s2c", [envelope({"messageType": "psd.heartbeat"}, seen=9)]),
    ("two in a frame", "s2c", [envelope({"messageType": "a"}, {"label": "1"}, 1),
                               envelope({"messageType": "b", "uuid": "u", "result": {}}, seq=2)]),
]

CLASSIC = [
    ("what today's clients send", "c2s",
     '{"body": {"label": "hi"}, "headers": {"messageType": "send-chat", "authHeader": null, "eventTime": 1795396112099, '
     '"localTime": 1795396112, "ack": true, "retryCount": 2, "apiVersion": 1, "uuid": "ee55"}}',
     envelope({"messageType": "send-chat", "uuid": "ee55", "ack": True, "eventTime": "1795396112099",
               "localTime": "1795396112", "retryCount": 2, "apiVersion": 1}, {"label": "hi"})),
    ("headers first, unknown keys", "c2s",
     '{"headers":{"messageType":"a","newer":[{"x":null}],"authHeader":"t"},"body":{},"later":"}"}',
     envelope({"messageType": "a", "authHeader": "t"}, {})),
    ("without body and uuid", "c2s", '{"headers":{"messageType":"a","uuid":null}}', envelope({"messageType": "a"})),
    ("an ack is `true` or nothing", "c2s", '{"headers":{"messageType":"a","ack":1},"body":null}',
     envelope({"messageType": "a"})),
    ("escapes in headers", "c2s", '{"headers":{"messageType":"a\\u0062","uuid":"\\""}}',
     envelope({"messageType": "ab", "uuid": "\""})),
    ("a push", "s2c", None, envelope({"messageType": "chat-sent"}, {"label": "hi"})),
    ("a reply", "s2c", None, envelope({"messageType": "history", "uuid": "1"}, {"label": "\"\\\n"})),
    ("an ack", "s2c", None, envelope({"messageType": "ack", "uuid": "1"}, {"uuid": "1"})),
    ("an ack of a failure", "s2c", None, envelope(
        {"messageType": "ack", "uuid": "1"}, {"uuid": "1", "errorMessage": "no such message", "errorCode": 404})),
    ("an ack of a failure without a code", "s2c", None, envelope(
        {"messageType": "ack", "uuid": "1"}, {"uuid": "1", "errorMessage": "no"})),
    ("an ack without a uuid", "s2c", None, envelope({"messageType": "ack"}, {})),
]


def proto(envelope, compress=False):
    encoded = new("psd.v1.Envelope")
    json_format.ParseDict(envelope["headers"], encoded.headers)
    if "body" in envelope:
        encoded.body = parse("every.kind.Node", envelope["body"]).SerializeToString(deterministic=True)
    if compress:
        encoded.headers.compressed = True
        encoded.body = deflate(encoded.body)
    encoded.seq, encoded.seen = envelope.get("seq", 0), envelope.get("seen", 0)
    data, length = encoded.SerializeToString(deterministic=True), b""
    size = len(data)
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return (length + bytes([size]) + data).hex()


def wire(envelope):
    """An envelope as the JSON dialect writes it."""
    return {key: envelope[key] for key in ("headers", "body", "seq", "seen") if key in envelope}


def envelopes():
    frames = []
    for name, direction, frame, means in CLASSIC:
        frame = frame or compact(wire(means))
        frames.append({"name": name, "dialect": "classic", "direction": direction, "text": frame, "envelopes": [means]})
    for name, direction, means in V1:
        texts = [compact(wire(one)) for one in means]
        text = texts[0] if len(texts) == 1 else f"[{','.join(texts)}]"
        one = {"name": name, "direction": direction, "envelopes": means}
        frames.append(one | {"dialect": "v1.json", "text": text})
        frames.append(one | {"dialect": "v1.proto", "hex": "".join(map(proto, means))})
    long = envelope({"messageType": "a", "uuid": "1"}, {"label": LONG}, 1)
    frames.append({"name": "a compressed body", "dialect": "v1.proto", "direction": "c2s", "compressed": True,
                   "hex": proto(long, compress=True), "envelopes": [long]})
    order = ("name", "dialect", "direction", "compressed", "text", "hex", "envelopes")
    return {"frames": [{key: frame[key] for key in order if key in frame} for frame in frames]}


def refused():
    bodies = [{"kind": kind, "dialect": "v1.json", "message": message, "path": path, "text": text}
              for kind, path, message, texts in REFUSED_JSON for text in texts]
    bodies += [{"kind": kind, "dialect": "v1.proto", "message": message, "hex": data}
               for kind, message, binaries in REFUSED_BINARY for data in binaries]
    frames = [{"kind": kind, "dialect": dialect, "handled": handled,
               "hex" if dialect == "v1.proto" else "text": frame() if callable(frame) else frame}
              for dialect, kind, handled, frames in REFUSED_FRAMES for frame in frames]
    return {"bodies": bodies, "frames": frames}


def write(name, value):
    def lines(items):
        return ",\n".join("    " + json.dumps(item, ensure_ascii=False) for item in items)
    lists = ",\n".join(f'  "{key}": [\n{lines(items)}\n  ]' for key, items in value.items())
    (HERE / name).write_text("{\n" + lists + "\n}\n")


write("bodies.json", bodies())
write("envelopes.json", envelopes())
write("refused.json", refused())
