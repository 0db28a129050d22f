import 'error.dart';

/// Whether an `int` is a number of JavaScript, which is exact up to 2⁵³.
const isJavaScript = identical(0, 0.0);

const _two32 = 0x100000000;
const _maxSafe = 0x1fffffffffffff;

/// The integer of two halves of 32 bits each, both without a sign.
///
/// Where an `int` has 64 bits, one without a sign beyond 2⁶³ − 1 is held as the negative number with the same bits. In
/// JavaScript, what is not exact is an error.
int joinInt64(int high, int low, {required bool isSigned}) {
  if (!isJavaScript) return (high << 32) | low;
  final value = (isSigned && high >= 0x80000000 ? high - _two32 : high) * _two32 + low;
  return value > _maxSafe || value < -_maxSafe ? failUnsafe() : value;
}

/// The low 32 bits of an integer, without a sign.
int lowOf(int value) => value & 0xffffffff;

/// The high 32 bits of an integer, without a sign.
int highOf(int value) =>
    isJavaScript ? ((value - lowOf(value)) ~/ _two32) & 0xffffffff : (value >> 32) & 0xffffffff;

/// The integer of 64 bits without a sign that an `int` stands for.
BigInt unsignedOf(int value) => BigInt.from(value).toUnsigned(64);

/// What holds an integer of 64 bits.
int intOf(BigInt value) {
  if (!isJavaScript) return value.toSigned(64).toInt();
  return value.abs() > BigInt.from(_maxSafe) ? failUnsafe() : value.toInt();
}

/// Fails for an integer that JavaScript would round.
Never failUnsafe() => fail(
  'the integer does not fit into a number of JavaScript: generate with "dart": { "int64": "bigint" }',
);
