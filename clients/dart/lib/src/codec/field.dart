import 'equality.dart';
import 'error.dart';
import 'json.dart';
import 'kind.dart';
import 'reader.dart';
import 'writer.dart';

/// A field of a message, as data.
abstract class Field {
  /// A field; for generated code. [json] is its name in JSON, if the .proto file chooses one.
  Field(this.name, this.number, this.tag, String? json)
    : proto3Name = json ?? _proto3(name),
      classicName = _classic(name);

  /// Its name in the .proto file.
  final String name;

  /// Its number.
  final int number;

  /// What is before it on the wire.
  final int tag;

  /// Its name in proto3 JSON.
  final String proto3Name;

  /// Its name in the classic dialect.
  final String classicName;

  /// Where it is in what `MessageType.valuesOf` gives; fields of one oneof share a place.
  late final int slot;

  /// Its place among the fields of its message.
  late final int index;

  /// Another tag that it may come with.
  int? get otherTag => null;

  /// What is there before anything is read.
  Object? get initial;

  /// What [held] can be read into.
  Object? thaw(Object? held) => held;

  /// Reads what comes behind [tag], and gives what is held then instead of [held].
  Object? read(Reader reader, int tag, Object? held);

  /// Writes what is held, if it has to be written.
  void write(Writer writer, Object? held);

  /// Whether what is held is written.
  bool isThere(Object? held);

  /// What is held as JSON.
  Object? toJson(Object? held, JsonWriting writing);

  /// Reads what JSON says, and gives what is held then instead of [held].
  Object? fromJson(Object? json, Object? held, JsonReading reading);

  static final _underscores = RegExp('_+(.)?');
  static final _raised = RegExp('_([a-z])');

  static String _proto3(String name) => name.replaceAllMapped(_underscores, (match) => match[1]?.toUpperCase() ?? '');

  static String _classic(String name) => name.replaceAllMapped(_raised, (match) => match[1]!.toUpperCase());
}

int _tag(int number, int wire) => (number << 3) | wire;

/// A field that is always there, at its default if nobody says.
final class PlainField<T extends Object> extends Field {
  /// For generated code.
  PlainField(String name, int number, this.kind, {String? json}) : super(name, number, _tag(number, kind.wire), json);

  /// What it holds.
  final Kind<T> kind;

  @override
  Object? get initial => kind.zero;

  @override
  Object? read(Reader reader, int tag, Object? held) => kind.read(reader);

  @override
  void write(Writer writer, Object? held) {
    final value = held! as T;
    if (kind.isZero(value)) return;
    kind.write(writer, value);
    writer.varint32(tag);
  }

  @override
  bool isThere(Object? held) => !kind.isZero(held! as T);

  @override
  Object? toJson(Object? held, JsonWriting writing) => kind.toJson(held! as T, writing);

  @override
  Object? fromJson(Object? json, Object? held, JsonReading reading) =>
      json == null ? held : kind.fromJson(json, reading) ?? held;
}

/// A field that may not be there: a message, or one that is declared `optional`.
final class OptionalField<T extends Object> extends Field {
  /// For generated code.
  OptionalField(String name, int number, this.kind, {String? json})
    : super(name, number, _tag(number, kind.wire), json);

  /// What it holds.
  final Kind<T> kind;

  @override
  Object? get initial => null;

  @override
  Object? read(Reader reader, int tag, Object? held) => kind.read(reader, held as T?);

  @override
  void write(Writer writer, Object? held) {
    if (held == null) return;
    kind.write(writer, held as T);
    writer.varint32(tag);
  }

  @override
  bool isThere(Object? held) => held != null;

  @override
  Object? toJson(Object? held, JsonWriting writing) => kind.toJson(held! as T, writing);

  @override
  Object? fromJson(Object? json, Object? held, JsonReading reading) =>
      json == null && !kind.isNullable ? held : kind.fromJson(json, reading) ?? held;
}

/// One of the fields of a oneof, with what it holds.
abstract base class OneofCase {
  /// For generated code.
  const OneofCase();

  /// The number of the field.
  int get $number;

  /// What it holds.
  Object get value;

  @override
  bool operator ==(Object other) =>
      other is OneofCase && other.runtimeType == runtimeType && deepEquals(other.value, value);

  @override
  int get hashCode => Object.hash($number, deepHash(value));

  @override
  String toString() => '$runtimeType($value)';
}

/// A field of which another may be there instead.
final class OneofField<T extends Object> extends Field {
  /// For generated code: [wrap] makes the case.
  OneofField(this.oneof, String name, int number, this.kind, this.wrap, {String? json})
    : super(name, number, _tag(number, kind.wire), json);

  /// The oneof it is part of.
  final String oneof;

  /// What it holds.
  final Kind<T> kind;

  /// Makes the case of a value.
  final OneofCase Function(T) wrap;

  @override
  Object? get initial => null;

  @override
  Object? read(Reader reader, int tag, Object? held) {
    // A second piece of the same message is merged with the first.
    final before = held is OneofCase && held.$number == number ? held.value as T : null;
    return wrap(kind.read(reader, before));
  }

  @override
  void write(Writer writer, Object? held) {
    if (held is! OneofCase || held.$number != number) return;
    kind.write(writer, held.value as T);
    writer.varint32(tag);
  }

  @override
  bool isThere(Object? held) => held is OneofCase && held.$number == number;

  @override
  Object? toJson(Object? held, JsonWriting writing) => kind.toJson((held! as OneofCase).value as T, writing);

  @override
  Object? fromJson(Object? json, Object? held, JsonReading reading) {
    if (json == null && !kind.isNullable) return held;
    final value = kind.fromJson(json, reading);
    if (value == null) return held;
    if (held != null) fail('another field of the oneof is there');
    return wrap(value);
  }
}

/// A field that is there many times.
final class ListField<T extends Object> extends Field {
  /// For generated code.
  ListField(String name, int number, this.kind, {bool packed = true, String? json})
    : isPacked = packed && kind.isPackable,
      super(name, number, _tag(number, packed ? 2 : kind.wire), json);

  /// What each of it holds.
  final Kind<T> kind;

  /// Whether all of them are written behind one tag.
  final bool isPacked;

  @override
  late final int? otherTag = kind.isPackable ? _tag(number, isPacked ? kind.wire : 2) : null;

  @override
  late final List<T> initial = List.unmodifiable(kind.newList());

  @override
  List<T> thaw(Object? held) => kind.newList()..addAll(held! as List<T>);

  @override
  Object? read(Reader reader, int tag, Object? held) {
    final list = identical(held, initial) ? kind.newList() : held! as List<T>;
    if (!kind.isPackable || tag & 7 != 2) return list..add(kind.read(reader));
    final outer = reader.begin();
    while (!reader.isAtEnd) {
      list.add(kind.read(reader));
    }
    reader.end = outer;
    return list;
  }

  @override
  void write(Writer writer, Object? held) {
    final list = held! as List<T>;
    if (list.isEmpty) return;
    if (isPacked) {
      final before = writer.length;
      for (var index = list.length - 1; index >= 0; index--) {
        kind.write(writer, list[index]);
      }
      writer
        ..varint32(writer.length - before)
        ..varint32(tag);
    } else {
      for (var index = list.length - 1; index >= 0; index--) {
        kind.write(writer, list[index]);
        writer.varint32(tag);
      }
    }
  }

  @override
  bool isThere(Object? held) => (held! as List<T>).isNotEmpty;

  @override
  Object? toJson(Object? held, JsonWriting writing) => [
    for (final item in held! as List<T>) kind.toJson(item, writing),
  ];

  @override
  Object? fromJson(Object? json, Object? held, JsonReading reading) {
    if (json == null) return held;
    if (json is! List<Object?>) return expected('an array', json);
    final list = kind.newList();
    for (var index = 0; index < json.length; index++) {
      try {
        final item = kind.fromJson(json[index], reading);
        if (item != null) list.add(item);
      } on CodecException catch (error) {
        throw within(error, index);
      }
    }
    return list;
  }
}

/// A field that is a map.
final class MapField<K extends Object, V extends Object> extends Field {
  /// For generated code.
  MapField(String name, int number, this.key, this.value, {String? json})
    : super(name, number, _tag(number, 2), json);

  /// What its keys are.
  final Kind<K> key;

  /// What its values are.
  final Kind<V> value;

  late final int _keyTag = _tag(1, key.wire);
  late final int _valueTag = _tag(2, value.wire);

  @override
  late final Map<K, V> initial = Map.unmodifiable(<K, V>{});

  @override
  Map<K, V> thaw(Object? held) => {...held! as Map<K, V>};

  @override
  Object? read(Reader reader, int tag, Object? held) {
    final map = identical(held, initial) ? <K, V>{} : held! as Map<K, V>;
    final outer = reader.begin();
    reader.enter();
    var readKey = key.zero;
    V? readValue;
    while (!reader.isAtEnd) {
      final tag = reader.varint32();
      if (tag == _keyTag) {
        readKey = key.read(reader);
      } else if (tag == _valueTag) {
        readValue = value.read(reader, readValue);
      } else {
        if (tag >>> 3 == 1 || tag >>> 3 == 2) fail('a field has the wire type ${tag & 7}');
        reader.skip(tag);
      }
    }
    reader
      ..leave()
      ..end = outer;
    map[readKey!] = readValue ?? value.zero ?? value.empty;
    return map;
  }

  @override
  void write(Writer writer, Object? held) {
    final map = held! as Map<K, V>;
    if (map.isEmpty) return;
    for (final entry in map.entries.toList().reversed) {
      final before = writer.length;
      writer.enter();
      value.write(writer, entry.value);
      writer.varint32(_valueTag);
      key.write(writer, entry.key);
      writer
        ..varint32(_keyTag)
        ..varint32(writer.length - before)
        ..varint32(tag)
        ..leave();
    }
  }

  @override
  bool isThere(Object? held) => (held! as Map<K, V>).isNotEmpty;

  @override
  Object? toJson(Object? held, JsonWriting writing) => <String, Object?>{
    for (final MapEntry(key: text, value: item) in (held! as Map<K, V>).entries)
      '${key.toJson(text, writing)}': value.toJson(item, writing),
  };

  @override
  Object? fromJson(Object? json, Object? held, JsonReading reading) {
    if (json == null) return held;
    if (json is! Map<String, Object?>) return expected('an object', json);
    final map = <K, V>{};
    for (final MapEntry(key: text, value: item) in json.entries) {
      try {
        final readKey = key.fromKey(text);
        final readValue = value.fromJson(item, reading);
        if (readValue != null) map[readKey] = readValue;
      } on CodecException catch (error) {
        throw within(error, text);
      }
    }
    return map;
  }
}
