import 'dart:convert';
import 'dart:typed_data';

import 'equality.dart';
import 'error.dart';
import 'field.dart';
import 'json.dart';
import 'json_text.dart';
import 'reader.dart';
import 'registry.dart';
import 'writer.dart';

/// A message of a .proto file: what every generated class extends.
///
/// Two messages are equal if they are of one type and all their fields are, those of lists and maps too.
abstract class ProtoMessage {
  /// For generated code.
  const ProtoMessage();

  /// What is said of its type; generated classes have the same as a static member `descriptor`.
  MessageType<ProtoMessage> get $descriptor;

  /// Its protobuf bytes.
  ///
  /// Throws a [CodecException] if it is nested too deeply.
  Uint8List toBinary() => $descriptor.toBinary(this);

  /// The message as JSON, for `jsonEncode`; `MessageType.toJson` has options.
  ///
  /// Throws a [CodecException] if it holds what JSON cannot say, such as a timestamp beyond the year 9999.
  Object? toJson() => $descriptor.toJson(this);

  @override
  bool operator ==(Object other) =>
      identical(this, other) ||
      other is ProtoMessage &&
          identical(other.$descriptor, $descriptor) &&
          deepEquals($descriptor.valuesOf(this), $descriptor.valuesOf(other));

  @override
  int get hashCode => Object.hash($descriptor.name, deepHash($descriptor.valuesOf(this)));

  /// Its name and the fields that are not at their default.
  @override
  String toString() => $descriptor.describe(this);
}

/// A message that clients send.
abstract interface class ClientMessage implements ProtoMessage {}

/// A message that the server sends.
abstract interface class ServerMessage implements ProtoMessage {}

/// Who sends a message.
enum Origin {
  /// Clients.
  client,

  /// The server.
  server,

  /// Both.
  both;

  /// Whether clients send messages of this origin.
  bool get isClient => this != server;

  /// Whether the server sends messages of this origin.
  bool get isServer => this != client;
}

/// The fields by which a client finds a message that it keeps, by the kind of column they are stored in. They have their
/// names in the .proto file.
final class CacheKeys {
  /// These fields.
  const CacheKeys({this.text = const [], this.real = const [], this.date = const [], this.integer = const []});

  /// Texts.
  final List<String> text;

  /// Floating point numbers.
  final List<String> real;

  /// Points in time.
  final List<String> date;

  /// Integers.
  final List<String> integer;

  /// All of them, in the order of their kinds.
  List<String> get all => [...text, ...real, ...date, ...integer];
}

/// A message of a .proto file, as data: what is said of it there, and how its values become bytes and JSON and back.
final class MessageType<T extends Object> {
  /// For generated code: [values] takes a message apart, [make] puts one together. What they hold are the fields in the
  /// order of their numbers, a oneof in the place of its first field.
  MessageType(
    this.name, {
    required this.fields,
    required List<Object?> Function(T message) values,
    required T Function(List<Object?> values) make,
    this.type,
    this.origin,
    this.auth,
    this.cacheSeconds,
    this.cacheKeys = const CacheKeys(),
    JsonForm<T>? json,
  }) : _values = values,
       _make = make,
       _json = json {
    final oneofs = <String, int>{};
    for (final (index, field) in fields.indexed) {
      field.index = index;
      final slot = field is OneofField ? oneofs[field.oneof] ??= _initial.length : _initial.length;
      field.slot = slot;
      if (slot == _initial.length) _initial.add(field.initial);
      _tags[field.tag] = field;
      if (field.otherTag case final tag?) _tags[tag] = field;
    }
    // A name in the .proto file goes before another field's proto3 name, and that before its classic one.
    for (final field in fields) {
      _names[field.name] = field;
    }
    for (final field in fields) {
      _names.putIfAbsent(field.proto3Name, () => field);
    }
    for (final field in fields) {
      _names.putIfAbsent(field.classicName, () => field);
    }
  }

  /// The name in the .proto file, with its package: `chat.ChatSent`.
  final String name;

  /// The route: what travels as `messageType`; nothing for a plain structure.
  final String? type;

  /// Who sends it; nothing for a plain structure.
  final Origin? origin;

  /// Whether a client must be authenticated to send it; nothing where the .proto file is silent.
  final bool? auth;

  /// How many seconds a client keeps it; nothing where it does not.
  final int? cacheSeconds;

  /// The fields by which a client finds it.
  final CacheKeys cacheKeys;

  /// Its fields, in the order of their numbers.
  final List<Field> fields;

  final List<Object?> Function(T) _values;
  final T Function(List<Object?>) _make;
  final JsonForm<T>? _json;
  final List<Object?> _initial = [];
  final Map<int, Field> _tags = {};
  final Map<String, Field> _names = {};

  /// A message with every field at its default.
  T get empty => _make(_initial);

  /// How long a client keeps it; nothing where it does not.
  Duration? get cache => cacheSeconds == null ? null : Duration(seconds: cacheSeconds!);

  /// Whether `null` in JSON is a value of it.
  bool get isNullable => _json?.isNullable ?? false;

  /// Whether its JSON is not an object of its fields.
  bool get hasOwnJson => _json != null;

  /// What the message holds, by the `slot` of its fields.
  List<Object?> valuesOf(T message) => _values(message);

  /// The field of this name in the .proto file.
  Field? field(String name) => fields.where((field) => field.name == name).firstOrNull;

  /// What the message holds in the field of this name in the .proto file: its value, or nothing where it is not there.
  Object? valueOf(T message, String name) {
    final field = this.field(name);
    if (field == null) throw ArgumentError.value(name, 'name', 'is no field of ${this.name}');
    final held = _values(message)[field.slot];
    if (field is! OneofField) return held;
    return field.isThere(held) ? (held! as OneofCase).value : null;
  }

  /// The message in these bytes. Fields that are not known are dropped.
  ///
  /// Throws a [CodecException] if they are malformed: cut short, nested too deeply, with a string that is not UTF-8.
  T fromBinary(Uint8List bytes) => read(Reader(bytes)..enter());

  /// The protobuf bytes of a message.
  ///
  /// Throws a [CodecException] if it is nested too deeply.
  Uint8List toBinary(T message) {
    final writer = Writer()..enter();
    write(writer, message);
    return writer.take();
  }

  /// The message that JSON says; takes what `jsonDecode` returns. Fields have any of their names: the one in the .proto
  /// file, that of proto3 JSON, the classic one. [types] are the messages that an `Any` may hold.
  ///
  /// Throws a [CodecException] naming the field and what is wrong with it.
  T fromJson(Object? json, {bool ignoreUnknown = false, MessageRegistry? types}) =>
      readJson(json, JsonReading(ignoreUnknown: ignoreUnknown, types: types));

  /// The message that a text of JSON says. Other than `jsonDecode`, this reads large integers to the last digit, and
  /// refuses keys that are there twice.
  T fromJsonText(String text, {bool ignoreUnknown = false, MessageRegistry? types}) =>
      fromJson(parseJson(text), ignoreUnknown: ignoreUnknown, types: types);

  /// The message as JSON, for `jsonEncode`.
  ///
  /// Throws a [CodecException] if it holds what JSON cannot say, such as a timestamp beyond the year 9999.
  Object? toJson(T message, {JsonNames names = JsonNames.proto3, MessageRegistry? types}) =>
      writeJson(message, JsonWriting(names: names, types: types));

  /// The message as a text of JSON.
  String toJsonText(T message, {JsonNames names = JsonNames.proto3, MessageRegistry? types}) =>
      jsonEncode(toJson(message, names: names, types: types));

  /// Reads until the end of the message; into [before], if that came already.
  T read(Reader reader, [T? before]) {
    final List<Object?> values;
    if (before == null) {
      values = List.of(_initial, growable: false);
    } else {
      values = _values(before);
      for (final field in fields) {
        values[field.slot] = field.thaw(values[field.slot]);
      }
    }
    final count = fields.length;
    var next = 0;
    while (!reader.isAtEnd) {
      final tag = reader.varint32();
      // Fields mostly come in their order.
      var field = next < count ? fields[next] : null;
      if (field == null || field.tag != tag) field = _tags[tag];
      if (field == null) {
        _skip(reader, tag);
        continue;
      }
      try {
        values[field.slot] = field.read(reader, tag, values[field.slot]);
      } on CodecException catch (error) {
        throw within(error, field.proto3Name);
      }
      next = field.index + 1;
    }
    return _make(values);
  }

  void _skip(Reader reader, int tag) {
    // What is known does not come in another way.
    if (fields.any((field) => field.number == tag >>> 3)) fail('a field has the wire type ${tag & 7}');
    reader.skip(tag);
  }

  /// Writes the message in front of what is written.
  void write(Writer writer, T message) {
    final values = _values(message);
    for (var index = fields.length - 1; index >= 0; index--) {
      final field = fields[index];
      field.write(writer, values[field.slot]);
    }
  }

  /// Reads what JSON says, but for the key [skip].
  T readJson(Object? json, JsonReading reading, {String? skip}) {
    reading.enter();
    final T message;
    if (_json case final form?) {
      message = form.read(json, reading);
    } else {
      if (json is! Map<String, Object?>) return expected('an object', json);
      final values = List.of(_initial, growable: false);
      for (final MapEntry(:key, :value) in json.entries) {
        final field = _names[key];
        if (field == null) {
          if (reading.ignoreUnknown || key == skip) continue;
          throw within(CodecException('unknown field `$key`'), key);
        }
        if (_again(json, key, field) case final again?) {
          throw within(const CodecException('the field is there twice'), again);
        }
        try {
          values[field.slot] = field.fromJson(value, values[field.slot], reading);
        } on CodecException catch (error) {
          throw within(error, key);
        }
      }
      message = _make(values);
    }
    reading.leave();
    return message;
  }

  /// The key by which a field is there again, if it is: the same, or another of its names.
  String? _again(Map<String, Object?> json, String key, Field field) {
    if (json is RepetitiveObject && json.repeated.contains(key)) return key;
    return key == field.proto3Name ? null : json.keys.where((key) => _names[key] == field).skip(1).firstOrNull;
  }

  /// The message as JSON.
  Object? writeJson(T message, JsonWriting writing) {
    writing.enter();
    final Object? json;
    if (_json case final form?) {
      json = form.write(message, writing);
    } else {
      final values = _values(message);
      final isClassic = writing.names == JsonNames.classic;
      json = <String, Object?>{
        for (final field in fields)
          if (field.isThere(values[field.slot]))
            (isClassic ? field.classicName : field.proto3Name): field.toJson(values[field.slot], writing),
      };
    }
    writing.leave();
    return json;
  }

  /// The message for people: its name and the fields that are not at their default.
  String describe(T message) {
    final values = _values(message);
    final parts = [
      for (final field in fields)
        if (field.isThere(values[field.slot])) '${field is OneofField ? field.oneof : field.classicName}: ${values[field.slot]}',
    ];
    return '${name.split('.').last}(${parts.join(', ')})';
  }

  @override
  String toString() => 'MessageType($name)';
}

/// How the JSON of a well-known type differs from that of other messages.
final class JsonForm<T extends Object> {
  /// A form of its own.
  const JsonForm({required this.read, required this.write, this.isNullable = false});

  /// The message that JSON says.
  final T Function(Object? json, JsonReading reading) read;

  /// The message as JSON.
  final Object? Function(T message, JsonWriting writing) write;

  /// Whether `null` in JSON is a value of it.
  final bool isNullable;
}

/// Says of an argument of `copyWith` that nobody gave it; for generated code.
const Object unchanged = _Unchanged();

final class _Unchanged {
  const _Unchanged();
}

/// What an argument of `copyWith` says, or what was there; for generated code.
T changed<T>(Object? given, T kept) => identical(given, unchanged) ? kept : given as T;
