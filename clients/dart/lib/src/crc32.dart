import 'dart:typed_data';

final Uint32List _table = Uint32List.fromList([
  for (var index = 0; index < 256; index++)
    Iterable<int>.generate(8).fold(index, (value, _) => value.isOdd ? 0xedb88320 ^ (value >>> 1) : value >>> 1),
]);

/// The CRC-32 of zlib and PNG.
int crc32(Uint8List bytes) {
  var value = 0xffffffff;
  for (final byte in bytes) {
    value = _table[(value ^ byte) & 0xff] ^ (value >>> 8);
  }
  return value ^ 0xffffffff;
}
