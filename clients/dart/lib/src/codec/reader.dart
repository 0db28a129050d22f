import 'dart:convert';
import 'dart:typed_data';

import 'error.dart';
import 'int64.dart';

/// Reads the binary form of protobuf.
final class Reader {
  /// Reads these bytes from their start.
  Reader(Uint8List bytes) : _bytes = bytes, _data = ByteData.sublistView(bytes), end = bytes.length;

  final Uint8List _bytes;
  final ByteData _data;
  var _at = 0;
  var _high = 0;
  var _depth = 0;

  /// Where the message that is being read ends.
  int end;

  /// Whether nothing of the message is left.
  bool get isAtEnd => _at >= end;

  /// Notes that a message inside is read. Ends with [leave].
  void enter() {
    if (++_depth > maxDepth) failTooDeep();
  }

  /// Notes that the message inside is read.
  void leave() => _depth--;

  /// Begins a piece that comes behind its length: what [end] is to be afterwards.
  int begin() {
    final outer = end;
    end = _extent();
    return outer;
  }

  /// Where a piece ends that comes behind its length.
  int _extent() {
    final length = varint32();
    if (_high != 0 || length > end - _at) _failEarly();
    return _at + length;
  }

  Never _failEarly() => fail('the bytes end too early');

  /// The low 32 bits of a varint, without a sign.
  @pragma('vm:prefer-inline')
  int varint32() {
    if (_at < end) {
      final byte = _bytes[_at];
      if (byte < 0x80) {
        _at++;
        _high = 0;
        return byte;
      }
    }
    return _longVarint();
  }

  int _longVarint() {
    var low = 0;
    var high = 0;
    for (var shift = 0; shift < 70; shift += 7) {
      if (_at >= end) _failEarly();
      final byte = _bytes[_at++];
      final bits = byte & 0x7f;
      if (shift < 28) {
        low |= bits << shift;
      } else if (shift == 28) {
        low |= (bits & 0xf) << 28;
        high = bits >> 4;
      } else if (shift < 63) {
        high |= bits << (shift - 32);
      } else {
        high |= (bits & 1) << 31;
      }
      if (byte < 0x80) {
        _high = high & 0xffffffff;
        return low & 0xffffffff;
      }
    }
    fail('a varint is too long');
  }

  /// An `int32`, or the number of an enum.
  int int32() => varint32().toSigned(32);

  /// A `uint32`.
  int uint32() => varint32();

  /// A `sint32`.
  int sint32() {
    final bits = varint32();
    return ((bits >>> 1) ^ -(bits & 1)).toSigned(32);
  }

  /// A `bool`.
  bool boolean() => (varint32() | _high) != 0;

  /// An `int64`, or with [isSigned] false a `uint64`.
  int int64({bool isSigned = true}) {
    final low = varint32();
    return joinInt64(_high, low, isSigned: isSigned);
  }

  /// A `sint64`.
  int sint64() {
    final low = varint32();
    final high = _high;
    final mask = (low & 1) == 0 ? 0 : 0xffffffff;
    final halfLow = ((low >>> 1) | ((high & 1) << 31)) & 0xffffffff;
    return joinInt64((high >>> 1) ^ mask, halfLow ^ mask, isSigned: true);
  }

  /// The 64 bits of a varint.
  BigInt bits64() {
    final low = varint32();
    return _join(_high, low);
  }

  BigInt _join(int high, int low) => (BigInt.from(high) << 32) | BigInt.from(low);

  int _fixed(int size) {
    final start = _at;
    if (size > end - start) _failEarly();
    _at = start + size;
    return start;
  }

  /// A `fixed32`.
  int fixed32() => _data.getUint32(_fixed(4), Endian.little);

  /// An `sfixed32`.
  int sfixed32() => _data.getInt32(_fixed(4), Endian.little);

  /// An `sfixed64`, or with [isSigned] false a `fixed64`.
  int fixed64({required bool isSigned}) {
    final start = _fixed(8);
    final low = _data.getUint32(start, Endian.little);
    return joinInt64(_data.getUint32(start + 4, Endian.little), low, isSigned: isSigned);
  }

  /// The bits of a `fixed64`.
  BigInt fixedBits64() {
    final start = _fixed(8);
    return _join(_data.getUint32(start + 4, Endian.little), _data.getUint32(start, Endian.little));
  }

  /// A `float`.
  double float() => _data.getFloat32(_fixed(4), Endian.little);

  /// A `double`.
  double float64() => _data.getFloat64(_fixed(8), Endian.little);

  /// A `string`.
  String string() {
    final last = _extent();
    final first = _at;
    _at = last;
    try {
      final text = utf8.decoder.convert(_bytes, first, last);
      // The decoder does not take a byte order mark at the start for part of the text.
      final isMarked =
          last - first > 2 && _bytes[first] == 0xef && _bytes[first + 1] == 0xbb && _bytes[first + 2] == 0xbf;
      return isMarked ? '\ufeff$text' : text;
    } on FormatException {
      fail('a string is not UTF-8');
    }
  }

  /// A `bytes`: a copy, so that the frame they came in need not stay in memory for them.
  Uint8List bytes() {
    final last = _extent();
    final bytes = _bytes.sublist(_at, last);
    _at = last;
    return bytes;
  }

  /// Passes over what is behind a tag.
  void skip(int tag) {
    if (tag < 8) fail('a field has the number 0');
    switch (tag & 7) {
      case 0:
        varint32();
      case 1:
        _fixed(8);
      case 2:
        _at = _extent();
      case 3:
        enter();
        for (var inner = varint32(); inner != tag + 1; inner = varint32()) {
          skip(inner);
        }
        leave();
      case 5:
        _fixed(4);
      case final wire:
        fail('a field has the wire type $wire');
    }
  }
}
