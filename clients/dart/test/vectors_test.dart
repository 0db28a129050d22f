// The golden vectors that every language is held to; tests/vectors/README.md says what they mean.
import 'dart:convert';
import 'dart:typed_data';

import 'package:psd_client/codec.dart';

import 'bigint/messages/messages.dart' as bigints;
import 'harness.dart';
import 'vectors/messages/messages.dart' as ints;

typedef Vector = Map<String, Object?>;

List<Vector> read(String file, String list) {
  final json = parseJson(inRepository('tests/vectors/$file').readAsStringSync())! as Map<String, Object?>;
  return (json[list]! as List<Object?>).cast<Vector>();
}

Uint8List bytesOf(String hex) => Uint8List.fromList([
  for (var at = 0; at < hex.length; at += 2) int.parse(hex.substring(at, at + 2), radix: 16),
]);

String hexOf(List<int> bytes) => [for (final byte in bytes) byte.toRadixString(16).padLeft(2, '0')].join();

/// What a message means, as vectors say it.
Object? meaningOf(MessageType<Object> type, Object message) {
  final values = type.valuesOf(message);
  return <String, Object?>{
    for (final field in type.fields)
      if (field.isThere(values[field.slot])) field.name: _held(field, values[field.slot]),
  };
}

Object? _held(Field field, Object? held) => switch (field) {
  PlainField(:final kind) || OptionalField(:final kind) => _single(kind, held!),
  OneofField(:final kind) => _single(kind, (held! as OneofCase).value),
  ListField(:final kind) => [for (final item in held! as List<Object>) _single(kind, item)],
  MapField(:final key, :final value) => [
    for (final entry in (held! as Map<Object, Object>).entries) [_single(key, entry.key), _single(value, entry.value)],
  ],
  _ => throw StateError('$field'),
};

Object? _single(Kind<Object> kind, Object value) {
  if (kind.messageType case final type?) return meaningOf(type, value);
  if (kind.name.endsWith('64')) return value is BigInt || (value as int) >= 0 ? '$value' : _unsigned(kind, value);
  return switch (value) {
    Uint8List() => hexOf(value),
    ProtoEnum() => value.number,
    double() when !value.isFinite => '$value',
    _ => value,
  };
}

String _unsigned(Kind<Object> kind, int value) =>
    kind.name.startsWith('u') || kind.name == 'fixed64' ? '${BigInt.from(value).toUnsigned(64)}' : '$value';

/// Part of what is said of each kind of mistake.
final phrases = {
  'syntax': RegExp('expected JSON|too early'),
  'type': RegExp('^expected'),
  'range': RegExp('^expected (u?int(32|64)|float|double)'),
  'base64': RegExp('^expected bytes'),
  'surrogate': RegExp('^expected string'),
  'duplicate': RegExp('twice'),
  'oneof': RegExp('oneof'),
  'depth': RegExp('deeper'),
  'any': RegExp('no message'),
  'truncated': RegExp('too early'),
  'wire-type': RegExp('wire type'),
  'utf8': RegExp('UTF-8'),
  'key': RegExp('number 0|wire type'),
  'varint': RegExp('varint'),
};

void main() {
  for (final (how, registry) in [('int', ints.registry), ('BigInt', bigints.registry)]) {
    group('64-bit integers as $how', () {
      for (final vector in read('bodies.json', 'written')) {
        final type = registry.named(vector['message']! as String)!;
        test('${type.name}: ${vector['name']}', () => written(vector, type, registry));
      }
      for (final vector in read('bodies.json', 'read')) {
        // Only servers read what the React client of the field writes.
        if (vector['dialect'] == 'classic') continue;
        final type = registry.named(vector['message']! as String)!;
        test('read: ${vector['name']}', () => alsoRead(vector, type, registry));
      }
      for (final (index, vector) in read('refused.json', 'bodies').indexed) {
        final type = registry.named(vector['message']! as String)!;
        test('refused: $index ${vector['kind']} ${type.name}', () => refused(vector, type, registry));
      }
    });
  }
}

void written(Vector vector, MessageType<Object> type, MessageRegistry registry) {
  final binary = vector['binary']! as String;
  final message = type.fromBinary(bytesOf(binary));
  final meaning = vector['meaning'];
  if (vector['maps'] != true) {
    expect(meaningOf(type, message), meaning, 'meaning');
    expect(hexOf(type.toBinary(message)), binary, 'binary');
  }
  expect(type.fromBinary(type.toBinary(message)), message, 'binary again');
  for (final names in JsonNames.values) {
    final text = vector[names.name]! as String;
    expect(jsonDecode(jsonEncode(type.toJson(message, names: names, types: registry))), jsonDecode(text), names.name);
    expect(type.fromJson(jsonDecode(text), types: registry), message, 'from ${names.name}');
    expect(type.fromJsonText(text, types: registry), message, 'from the text of ${names.name}');
  }
  expect(type.fromBinary(type.toBinary(message)).hashCode, message.hashCode, 'hash');
}

void alsoRead(Vector vector, MessageType<Object> type, MessageRegistry registry) {
  for (final text in (vector['texts']! as List<Object?>).cast<String>()) {
    final message = type.fromJsonText(text, types: registry, ignoreUnknown: vector['dialect'] == 'v1.json');
    expect(hexOf(type.toBinary(message)), vector['binary'], text);
    final json = jsonDecode(jsonEncode(type.toJson(message, types: registry)));
    expect(json, jsonDecode(vector['proto3']! as String), text);
  }
}

Future<void> refused(Vector vector, MessageType<Object> type, MessageRegistry registry) async {
  final error = await throwsA<CodecException>(
    () => switch (vector['hex']) {
      final String hex => type.fromBinary(bytesOf(hex)),
      _ => type.fromJsonText(vector['text']! as String, types: registry, ignoreUnknown: true),
    },
  );
  check(phrases[vector['kind']]!.hasMatch(error.problem), '${vector['kind']}: $error');
  if (vector['text'] != null) expect(error.path, vector['path'], '$error');
}
