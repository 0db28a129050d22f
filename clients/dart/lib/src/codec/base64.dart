import 'dart:typed_data';

/// The bytes that a text in base64 says; nothing if it does not.
///
/// Takes both alphabets, with padding and without, and bits behind the last byte whatever they are: the decoder of
/// `dart:convert` refuses the last, which protobuf demands.
Uint8List? decodeBase64(String text) {
  var length = text.length;
  if (length > 0 && length % 4 == 0) {
    if (text.endsWith('==')) {
      length -= 2;
    } else if (text.endsWith('=')) {
      length -= 1;
    }
  }
  if (length % 4 == 1) return null;
  final bytes = Uint8List(length * 3 ~/ 4);
  var at = 0;
  var bits = 0;
  for (var index = 0; index < length; index++) {
    final value = _valueOf(text.codeUnitAt(index));
    if (value < 0) return null;
    bits = ((bits << 6) | value) & 0xffffff;
    switch (index & 3) {
      case 1:
        bytes[at++] = (bits >> 4) & 0xff;
      case 2:
        bytes[at++] = (bits >> 2) & 0xff;
      case 3:
        bytes[at++] = bits & 0xff;
    }
  }
  return bytes;
}

int _valueOf(int unit) => switch (unit) {
  >= 0x41 && <= 0x5a => unit - 0x41,
  >= 0x61 && <= 0x7a => unit - 0x61 + 26,
  >= 0x30 && <= 0x39 => unit - 0x30 + 52,
  0x2b || 0x2d => 62,
  0x2f || 0x5f => 63,
  _ => -1,
};
