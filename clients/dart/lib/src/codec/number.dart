import 'dart:typed_data';

import 'error.dart';
import 'int64.dart';
import 'json.dart';
import 'kind.dart';
import 'reader.dart';
import 'writer.dart';

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
