import 'dart:typed_data';

Uint32List _tableOf(int polynomial) => Uint32List.fromList([
  for (var index = 0; index < 256; index++)
    Iterable<int>.generate(8).fold(index, (value, _) => value.isOdd ? polynomial ^ (value >>> 1) : value >>> 1),
]);

final Uint32List _zlib = _tableOf(0xedb88320);
final Uint32List _castagnoli = _tableOf(0x82f63b78);

/// The CRC-32 of zlib and PNG.
int crc32(Uint8List bytes) => _crc(_zlib, bytes);

/// The CRC-32C (Castagnoli).
int crc32c(Uint8List bytes) => _crc(_castagnoli, bytes);

int _crc(Uint32List table, Uint8List bytes) {
  var value = 0xffffffff;
  for (var index = 0; index < bytes.length; index++) {
    value = table[(value ^ bytes[index]) & 0xff] ^ (value >>> 8);
  }
  return value ^ 0xffffffff;
}
