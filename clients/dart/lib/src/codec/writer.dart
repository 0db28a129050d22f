import 'dart:convert';
import 'dart:typed_data';

import 'error.dart';
import 'int64.dart';

/// Writes the binary form of protobuf, from its end to its start: a message is written before its length, so that
/// nothing is counted first.
final class Writer {
  /// Writes from nothing.
  Writer() : this._(Uint8List(256));

  Writer._(this._bytes) : _data = ByteData.sublistView(_bytes), _start = _bytes.length;

  Uint8List _bytes;
  ByteData _data;
  int _start;
  var _depth = 0;

  /// Notes that a message inside is written. Ends with [leave].
  void enter() {
    if (++_depth > maxDepth) failTooDeep();
  }

  /// Notes that the message inside is written.
  void leave() => _depth--;

  /// How many bytes are written.
  int get length => _bytes.length - _start;

  /// What is written.
  Uint8List take() => _bytes.sublist(_start);

  /// Where so many bytes go.
  @pragma('vm:prefer-inline')
  int _room(int size) {
    if (size > _start) _grow(size);
    return _start -= size;
  }

  void _grow(int size) {
    final used = length;
    var capacity = _bytes.length * 2;
    while (capacity < used + size) {
      capacity *= 2;
    }
    final bytes = Uint8List(capacity);
    bytes.setRange(capacity - used, capacity, _bytes, _start);
    _bytes = bytes;
    _data = ByteData.sublistView(bytes);
    _start = capacity - used;
  }

  /// An unsigned integer of 32 bits as a varint.
  @pragma('vm:prefer-inline')
  void varint32(int value) {
    if (value < 0x80) {
      _byte(value);
    } else {
      _longVarint32(value);
    }
  }

  void _longVarint32(int value) {
    final size =
        value < 0x4000
            ? 2
            : value < 0x200000
            ? 3
            : value < 0x10000000
            ? 4
            : 5;
    var at = _room(size);
    var rest = value;
    for (final last = at + size - 1; at < last; at++) {
      _bytes[at] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    _bytes[at] = rest;
  }

  /// Two halves of 32 bits as a varint.
  void varint64(int high, int low) {
    final lower = low & 0xfffffff;
    final middle = ((high << 4) | (low >>> 28)) & 0xfffffff;
    final upper = high >>> 24;
    if (upper != 0) {
      varint32(upper);
      _group(middle);
      _group(lower);
    } else if (middle != 0) {
      varint32(middle);
      _group(lower);
    } else {
      varint32(lower);
    }
  }

  /// 28 bits of a varint that goes on behind them.
  void _group(int bits) {
    final at = _room(4);
    _bytes[at] = (bits & 0x7f) | 0x80;
    _bytes[at + 1] = ((bits >>> 7) & 0x7f) | 0x80;
    _bytes[at + 2] = ((bits >>> 14) & 0x7f) | 0x80;
    _bytes[at + 3] = (bits >>> 21) | 0x80;
  }

  void _byte(int value) {
    final at = _room(1);
    _bytes[at] = value;
  }

  /// An `int32`: a negative one takes ten bytes.
  void int32(int value) => value < 0 ? varint64(0xffffffff, lowOf(value)) : varint32(value);

  /// A `sint32`.
  void sint32(int value) => varint32(lowOf((value << 1) ^ (value < 0 ? 0xffffffff : 0)));

  /// An `int64` or `uint64`.
  void int64(int value) {
    if (value >= 0 && value < 0x80) {
      _byte(value);
    } else {
      varint64(highOf(value), lowOf(value));
    }
  }

  /// A `sint64`.
  void sint64(int value) {
    final mask = value < 0 ? 0xffffffff : 0;
    final low = lowOf(value);
    final high = highOf(value);
    varint64(lowOf((high << 1) | (low >>> 31)) ^ mask, lowOf(low << 1) ^ mask);
  }

  /// 64 bits as a varint.
  void bits64(BigInt value) => varint64(_highOf(value), _lowOf(value));

  int _lowOf(BigInt value) => value.toUnsigned(32).toInt();
  int _highOf(BigInt value) => (value >> 32).toUnsigned(32).toInt();

  /// A `bool`.
  void boolean(bool value) => _byte(value ? 1 : 0);

  /// A `fixed32` or `sfixed32`.
  void fixed32(int value) {
    final at = _room(4);
    _data.setUint32(at, lowOf(value), Endian.little);
  }

  /// A `fixed64` or `sfixed64`.
  void fixed64(int value) {
    fixed32(highOf(value));
    fixed32(lowOf(value));
  }

  /// The bits of a `fixed64`.
  void fixedBits64(BigInt value) {
    fixed32(_highOf(value));
    fixed32(_lowOf(value));
  }

  /// A `float`.
  void float(double value) {
    final at = _room(4);
    _data.setFloat32(at, value, Endian.little);
  }

  /// A `double`.
  void float64(double value) {
    final at = _room(8);
    _data.setFloat64(at, value, Endian.little);
  }

  /// A `string` behind its length.
  void string(String value) {
    final length = value.length;
    var at = _room(length);
    for (var index = 0; index < length; index++) {
      final unit = value.codeUnitAt(index);
      if (unit > 0x7f) {
        _start += length;
        return bytes(utf8.encode(value));
      }
      _bytes[at++] = unit;
    }
    varint32(length);
  }

  /// A `bytes` behind its length.
  void bytes(Uint8List value) {
    final at = _room(value.length);
    _bytes.setRange(at, at + value.length, value);
    varint32(value.length);
  }
}
