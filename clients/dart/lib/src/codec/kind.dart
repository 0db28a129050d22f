import 'dart:convert';
import 'dart:typed_data';

import 'base64.dart';
import 'enums.dart';
import 'error.dart';
import 'int64.dart';
import 'json.dart';
import 'message.dart';
import 'reader.dart';
import 'writer.dart';

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

/// `double`
const Kind<double> float64 = _Float64();

/// `float`
const Kind<double> float = _Float();

/// `int32`
const Kind<int> int32 = _Int32();

/// `sint32`
const Kind<int> sint32 = _Sint32();

/// `sfixed32`
const Kind<int> sfixed32 = _Sfixed32();

/// `uint32`
const Kind<int> uint32 = _Uint32();

/// `fixed32`
const Kind<int> fixed32 = _Fixed32();

/// `int64` as an `int`
const Kind<int> int64 = _Int64();

/// `sint64` as an `int`
const Kind<int> sint64 = _Sint64();

/// `sfixed64` as an `int`
const Kind<int> sfixed64 = _Sfixed64();

/// `uint64` as an `int`
const Kind<int> uint64 = _Uint64();

/// `fixed64` as an `int`
const Kind<int> fixed64 = _Fixed64();

/// `int64` as a `BigInt`
const Kind<BigInt> bigInt64 = _BigInt64();

/// `sint64` as a `BigInt`
const Kind<BigInt> bigSint64 = _BigSint64();

/// `sfixed64` as a `BigInt`
const Kind<BigInt> bigSfixed64 = _BigSfixed64();

/// `uint64` as a `BigInt`
const Kind<BigInt> bigUint64 = _BigUint64();

/// `fixed64` as a `BigInt`
const Kind<BigInt> bigFixed64 = _BigFixed64();

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

final _number = RegExp(r'^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$');
final _digits = RegExp(r'^-?\d+$');

/// A number of JSON, or one in a string.
num? _numberFrom(Object? json) => switch (json) {
  num() => json,
  BigInt() => json.toDouble(),
  String() when _number.hasMatch(json) => num.parse(json),
  _ => null,
};

abstract class _Floating extends Kind<double> {
  const _Floating(super.name, super.wire);

  @override
  double get zero => 0;

  @override
  bool isZero(double value) => value == 0 && !value.isNegative;

  @override
  double fromJson(Object? json, JsonReading reading) {
    final special = switch (json) {
      'NaN' => double.nan,
      'Infinity' => double.infinity,
      '-Infinity' => double.negativeInfinity,
      _ => null,
    };
    if (special != null) return special;
    final value = _round(_numberFrom(json)?.toDouble() ?? expected(name, json));
    return value.isFinite ? value : expected(name, json);
  }

  double _round(double value) => value;

  @override
  Object toJson(double value, JsonWriting writing) => value.isFinite ? _shorten(value) : value.toString();

  double _shorten(double value) => value;
}

final class _Float64 extends _Floating {
  const _Float64() : super('double', 1);

  @override
  double read(Reader reader, [double? before]) => reader.float64();

  @override
  void write(Writer writer, double value) => writer.float64(value);
}

final class _Float extends _Floating {
  const _Float() : super('float', 5);

  static final _single = Float32List(1);

  @override
  double read(Reader reader, [double? before]) => reader.float();

  @override
  void write(Writer writer, double value) => writer.float(value);

  @override
  double _round(double value) {
    _single[0] = value;
    return _single[0];
  }

  /// The shortest number that is the same as a `float`.
  @override
  double _shorten(double value) {
    final rounded = _round(value);
    for (var digits = 1; digits < 9; digits++) {
      final short = double.parse(value.toStringAsPrecision(digits));
      if (_round(short) == rounded) return short;
    }
    return value;
  }
}

abstract class _Integer extends Kind<int> {
  const _Integer(super.name, super.wire);

  @override
  int get zero => 0;

  @override
  bool isZero(int value) => value == 0;

  @override
  int fromJson(Object? json, JsonReading reading) {
    if (json is int && _fits(json)) return json;
    final number = _numberFrom(json);
    if (number is int && _fits(number)) return number;
    // `12.0` and `1e3` are integers too.
    if (number is double && number.isFinite && number == number.truncateToDouble()) {
      final value = number.toInt();
      if (value.toDouble() == number && _fits(value)) return value;
    }
    expected(name, json);
  }

  bool _fits(int value);

  @override
  int fromKey(String text) => fromJson(text, JsonReading.strict);

  @override
  Object toJson(int value, JsonWriting writing) => value;
}

abstract class _Signed32 extends _Integer {
  const _Signed32(super.name, super.wire);

  @override
  bool _fits(int value) => value >= -0x80000000 && value <= 0x7fffffff;
}

abstract class _Unsigned32 extends _Integer {
  const _Unsigned32(super.name, super.wire);

  @override
  bool _fits(int value) => value >= 0 && value <= 0xffffffff;
}

final class _Int32 extends _Signed32 {
  const _Int32() : super('int32', 0);

  @override
  int read(Reader reader, [int? before]) => reader.int32();

  @override
  void write(Writer writer, int value) => writer.int32(value);
}

final class _Sint32 extends _Signed32 {
  const _Sint32() : super('sint32', 0);

  @override
  int read(Reader reader, [int? before]) => reader.sint32();

  @override
  void write(Writer writer, int value) => writer.sint32(value);
}

final class _Sfixed32 extends _Signed32 {
  const _Sfixed32() : super('sfixed32', 5);

  @override
  int read(Reader reader, [int? before]) => reader.sfixed32();

  @override
  void write(Writer writer, int value) => writer.fixed32(value);
}

final class _Uint32 extends _Unsigned32 {
  const _Uint32() : super('uint32', 0);

  @override
  int read(Reader reader, [int? before]) => reader.uint32();

  @override
  void write(Writer writer, int value) => writer.varint32(lowOf(value));
}

final class _Fixed32 extends _Unsigned32 {
  const _Fixed32() : super('fixed32', 5);

  @override
  int read(Reader reader, [int? before]) => reader.fixed32();

  @override
  void write(Writer writer, int value) => writer.fixed32(value);
}

/// The integer of 64 bits that JSON says, to the last digit.
BigInt _bigFrom(Object? json, Kind<Object> kind, {required bool isSigned}) {
  BigInt? value;
  if (json is BigInt) {
    value = json;
  } else if (json is int) {
    value = BigInt.from(json);
  } else if (json is String && json.length < 400 && _number.hasMatch(json) && _digits.hasMatch(json)) {
    value = BigInt.parse(json);
  } else {
    final number = _numberFrom(json);
    if (number is double && number.isFinite && number == number.truncateToDouble()) value = BigInt.from(number);
  }
  final fits = value != null && value == (isSigned ? value.toSigned(64) : value.toUnsigned(64));
  return fits ? value : expected(kind.name, json);
}

abstract class _Long extends Kind<int> {
  const _Long(super.name, super.wire, {required this.isSigned});

  final bool isSigned;

  @override
  int get zero => 0;

  @override
  bool isZero(int value) => value == 0;

  @override
  int fromJson(Object? json, JsonReading reading) {
    if (!isJavaScript && json is int && (isSigned || json >= 0)) return json;
    return intOf(_bigFrom(json, this, isSigned: isSigned));
  }

  @override
  int fromKey(String text) => fromJson(text, JsonReading.strict);

  @override
  String toJson(int value, JsonWriting writing) => isSigned || value >= 0 ? '$value' : '${unsignedOf(value)}';
}

final class _Int64 extends _Long {
  const _Int64() : super('int64', 0, isSigned: true);

  @override
  int read(Reader reader, [int? before]) => reader.int64();

  @override
  void write(Writer writer, int value) => writer.int64(value);
}

final class _Sint64 extends _Long {
  const _Sint64() : super('sint64', 0, isSigned: true);

  @override
  int read(Reader reader, [int? before]) => reader.sint64();

  @override
  void write(Writer writer, int value) => writer.sint64(value);
}

final class _Sfixed64 extends _Long {
  const _Sfixed64() : super('sfixed64', 1, isSigned: true);

  @override
  int read(Reader reader, [int? before]) => reader.fixed64(isSigned: true);

  @override
  void write(Writer writer, int value) => writer.fixed64(value);
}

final class _Uint64 extends _Long {
  const _Uint64() : super('uint64', 0, isSigned: false);

  @override
  int read(Reader reader, [int? before]) => reader.int64(isSigned: false);

  @override
  void write(Writer writer, int value) => writer.int64(value);
}

final class _Fixed64 extends _Long {
  const _Fixed64() : super('fixed64', 1, isSigned: false);

  @override
  int read(Reader reader, [int? before]) => reader.fixed64(isSigned: false);

  @override
  void write(Writer writer, int value) => writer.fixed64(value);
}

abstract class _Big extends Kind<BigInt> {
  const _Big(super.name, super.wire, {required this.isSigned});

  final bool isSigned;

  @override
  BigInt get zero => BigInt.zero;

  @override
  BigInt fromJson(Object? json, JsonReading reading) => _bigFrom(json, this, isSigned: isSigned);

  @override
  BigInt fromKey(String text) => fromJson(text, JsonReading.strict);

  @override
  String toJson(BigInt value, JsonWriting writing) => '$value';
}

final class _BigInt64 extends _Big {
  const _BigInt64() : super('int64', 0, isSigned: true);

  @override
  BigInt read(Reader reader, [BigInt? before]) => reader.bits64().toSigned(64);

  @override
  void write(Writer writer, BigInt value) => writer.bits64(value);
}

final class _BigSint64 extends _Big {
  const _BigSint64() : super('sint64', 0, isSigned: true);

  @override
  BigInt read(Reader reader, [BigInt? before]) {
    final bits = reader.bits64();
    return bits.isEven ? bits >> 1 : ~(bits >> 1);
  }

  @override
  void write(Writer writer, BigInt value) => writer.bits64(value.isNegative ? ~(value << 1) : value << 1);
}

final class _BigSfixed64 extends _Big {
  const _BigSfixed64() : super('sfixed64', 1, isSigned: true);

  @override
  BigInt read(Reader reader, [BigInt? before]) => reader.fixedBits64().toSigned(64);

  @override
  void write(Writer writer, BigInt value) => writer.fixedBits64(value);
}

final class _BigUint64 extends _Big {
  const _BigUint64() : super('uint64', 0, isSigned: false);

  @override
  BigInt read(Reader reader, [BigInt? before]) => reader.bits64();

  @override
  void write(Writer writer, BigInt value) => writer.bits64(value);
}

final class _BigFixed64 extends _Big {
  const _BigFixed64() : super('fixed64', 1, isSigned: false);

  @override
  BigInt read(Reader reader, [BigInt? before]) => reader.fixedBits64();

  @override
  void write(Writer writer, BigInt value) => writer.fixedBits64(value);
}

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
