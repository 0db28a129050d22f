import 'dart:convert';
import 'dart:typed_data';

import 'base64.dart';
import 'enums.dart';
import 'error.dart';
import 'json.dart';
import 'message.dart';
import 'number.dart';
import 'reader.dart';
import 'writer.dart';

export 'number.dart';

/// What a field holds, and how it is read and written.
abstract class Kind<T extends Object> {
  /// A kind of this name.
  const Kind(this.name, this.wire);

  /// The word that .proto files have for it.
  final String name;

  /// Its wire type.
  final int wire;

  /// What a field holds of which nothing is said; nothing for messages.
  T? get zero;

  /// What the entry of a map holds that does not say its value.
  T get empty => zero!;

  /// Whether many are written behind one tag.
  bool get isPackable => wire != 2;

  /// Whether `null` in JSON is a value of it.
  bool get isNullable => false;

  /// The message that it is, if it is one.
  MessageType<T>? get messageType => null;

  /// Whether this is [zero].
  bool isZero(T value) => value == zero;

  /// Reads one. A message that comes in pieces is merged with [before], the pieces that came.
  T read(Reader reader, [T? before]);

  /// Writes one, without its tag.
  void write(Writer writer, T value);

  /// The value as JSON.
  Object? toJson(T value, JsonWriting writing);

  /// The value that JSON says; nothing for the name of an enum value that is not known and passed over.
  T? fromJson(Object? json, JsonReading reading);

  /// The key of a map that this text in JSON is.
  T fromKey(String text) => fail('expected a kind of key');

  /// An empty list, to read into.
  List<T> newList() => <T>[];
}

/// `bool`
const Kind<bool> boolean = _Bool();

/// `string`
const Kind<String> string = _String();

/// `bytes`
const Kind<Uint8List> bytes = _Bytes();

/// An enum.
Kind<E> enumeration<E extends ProtoEnum>(EnumType<E> type) => _Enum(type);

/// A message; asked for when it is first needed, since messages hold each other in circles.
Kind<M> message<M extends Object>(MessageType<M> Function() type) => _Message(type);

final class _Bool extends Kind<bool> {
  const _Bool() : super('bool', 0);

  @override
  bool get zero => false;

  @override
  bool isZero(bool value) => !value;

  @override
  bool read(Reader reader, [bool? before]) => reader.boolean();

  @override
  void write(Writer writer, bool value) => writer.boolean(value);

  @override
  bool fromJson(Object? json, JsonReading reading) => json is bool ? json : expected(name, json);

  @override
  bool fromKey(String text) => switch (text) {
    'true' => true,
    'false' => false,
    _ => expected('true or false', text),
  };

  @override
  bool toJson(bool value, JsonWriting writing) => value;
}

final class _String extends Kind<String> {
  const _String() : super('string', 2);

  @override
  String get zero => '';

  @override
  bool isZero(String value) => value.isEmpty;

  @override
  String read(Reader reader, [String? before]) => reader.string();

  @override
  void write(Writer writer, String value) => writer.string(value);

  @override
  String fromJson(Object? json, JsonReading reading) =>
      json is String && _isWellFormed(json) ? json : expected(name, json);

  @override
  String fromKey(String text) => fromJson(text, JsonReading.strict);

  @override
  String toJson(String value, JsonWriting writing) => value;

  /// Whether every surrogate has its other half.
  static bool _isWellFormed(String text) {
    for (var index = 0; index < text.length; index++) {
      final unit = text.codeUnitAt(index);
      if (unit & 0xf800 != 0xd800) continue;
      if (unit > 0xdbff || ++index == text.length || text.codeUnitAt(index) & 0xfc00 != 0xdc00) return false;
    }
    return true;
  }
}

final class _Bytes extends Kind<Uint8List> {
  const _Bytes() : super('bytes', 2);

  @override
  Uint8List get zero => noBytes;

  @override
  bool isZero(Uint8List value) => value.isEmpty;

  @override
  Uint8List read(Reader reader, [Uint8List? before]) => reader.bytes();

  @override
  void write(Writer writer, Uint8List value) => writer.bytes(value);

  @override
  Uint8List fromJson(Object? json, JsonReading reading) {
    return json is String ? decodeBase64(json) ?? expected(name, json) : expected(name, json);
  }

  @override
  String toJson(Uint8List value, JsonWriting writing) => base64.encode(value);
}

final class _Enum<E extends ProtoEnum> extends Kind<E> {
  _Enum(this.type) : super('enum', 0);

  final EnumType<E> type;

  @override
  E get zero => type.values.first;

  @override
  bool isZero(E value) => value.number == 0;

  @override
  bool get isNullable => type.isNull;

  @override
  E read(Reader reader, [E? before]) => type.of(reader.int32());

  @override
  void write(Writer writer, E value) => writer.int32(value.number);

  @override
  E? fromJson(Object? json, JsonReading reading) {
    if (type.isNull && json == null) return zero;
    if (json is! String) return type.of(int32.fromJson(json, reading)!);
    final value = type.named(json);
    if (value != null || reading.ignoreUnknown) return value;
    expected('one of ${type.names.join(', ')}', json);
  }

  @override
  Object? toJson(E value, JsonWriting writing) =>
      type.isNull
          ? null
          : value is UnknownEnum
          ? value.number
          : value.protoName;
}

final class _Message<M extends Object> extends Kind<M> {
  _Message(this._type) : super('message', 2);

  final MessageType<M> Function() _type;

  late final MessageType<M> type = _type();

  @override
  MessageType<M> get messageType => type;

  @override
  M? get zero => null;

  @override
  M get empty => type.empty;

  @override
  bool isZero(M value) => false;

  @override
  bool get isNullable => type.isNullable;

  @override
  M read(Reader reader, [M? before]) {
    final outer = reader.begin();
    reader.enter();
    final message = type.read(reader, before);
    reader.leave();
    reader.end = outer;
    return message;
  }

  @override
  void write(Writer writer, M value) {
    writer.enter();
    final before = writer.length;
    type.write(writer, value);
    writer.varint32(writer.length - before);
    writer.leave();
  }

  @override
  M fromJson(Object? json, JsonReading reading) => type.readJson(json, reading);

  @override
  Object? toJson(M value, JsonWriting writing) => type.writeJson(value, writing);
}

/// No bytes.
final noBytes = Uint8List(0);
