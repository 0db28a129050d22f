import 'dart:convert';
import 'dart:io';
import 'dart:typed_data';

import '../crc32.dart';
import '../storage/memory.dart';
import '../storage/storage.dart';

// A journal begins with [_magic]. Records follow, each behind its length and the CRC-32 of its content, both as four
// bytes, the lowest first. The content begins with a byte that says what happened; texts and bytes stand behind their
// length, integers are eight bytes.

final Uint8List _magic = ascii.encode('psd 1\n');
const _header = 8;
const _changed = 1;
const _cleared = 2;

/// What a journal says.
final class Journal {
  Journal._(this.messages, this.length, this.damage);

  /// Reads a journal, until its end or the first record that is not whole. A file that is not there is empty.
  static Future<Journal> load(String path) async {
    final file = File(path);
    final messages = Messages();
    final bytes = await file.exists() ? await file.readAsBytes() : Uint8List(0);
    if (bytes.isEmpty) return Journal._(messages, 0, null);
    if (bytes.length < _magic.length || !_startsWithMagic(bytes)) {
      return Journal._(messages, 0, 'the file is no journal of psd');
    }
    final data = ByteData.sublistView(bytes);
    var at = _magic.length;
    while (at < bytes.length) {
      final start = at + _header;
      final end = start > bytes.length ? start : start + data.getUint32(at, Endian.little);
      // A record that was being written when the process or the machine died: nobody was told that it is there. Some
      // file systems have zeros where nothing was written yet.
      if (end > bytes.length || end == start) break;
      final content = Uint8List.sublistView(bytes, start, end);
      if (crc32(content) != data.getUint32(at + 4, Endian.little)) {
        // The same at the end of the file; anywhere else the disk has changed what was written.
        final isLast = end == bytes.length || !_hasContent(bytes, end);
        return Journal._(messages, at, isLast ? null : 'the record at byte $at is damaged');
      }
      try {
        _apply(_Reader(content), messages);
      } on RangeError {
        return Journal._(messages, at, 'the record at byte $at cannot be read');
      }
      at = end;
    }
    return Journal._(messages, at, null);
  }

  static bool _startsWithMagic(Uint8List bytes) {
    for (final (index, byte) in _magic.indexed) {
      if (bytes[index] != byte) return false;
    }
    return true;
  }

  /// Whether something but zeros follows.
  static bool _hasContent(Uint8List bytes, int from) {
    for (var index = from; index < bytes.length; index++) {
      if (bytes[index] != 0) return true;
    }
    return false;
  }

  /// What is kept.
  final Messages messages;

  /// How many bytes of the file are good.
  final int length;

  /// What is wrong with the rest, if it is not just a record that was never finished.
  final String? damage;
}

/// A journal that begins with these messages.
Uint8List journalOf(Iterable<StoredMessage> messages) {
  final bytes = BytesBuilder(copy: false)..add(_magic);
  for (final message in messages) {
    bytes.add(changeRecord([message], const []));
  }
  return bytes.takeBytes();
}

/// The record of a change.
Uint8List changeRecord(List<StoredMessage> put, List<String> remove) {
  final writer =
      _Writer()
        ..byte(_changed)
        ..integer(remove.length);
  remove.forEach(writer.text);
  writer.integer(put.length);
  for (final message in put) {
    writer
      ..text(message.id)
      ..text(message.group)
      ..integer(message.at)
      ..integer(message.expires)
      ..text(message.type)
      ..integer(message.sent)
      ..bytes(message.body);
  }
  return writer.record();
}

/// The record of a clearing.
Uint8List clearRecord(String prefix, int? expired) =>
    (_Writer()
          ..byte(_cleared)
          ..text(prefix)
          ..integer(expired ?? -1))
        .record();

void _apply(_Reader reader, Messages messages) {
  switch (reader.byte()) {
    case _changed:
      final remove = [for (var count = reader.integer(); count > 0; count--) reader.text()];
      final put = [
        for (var count = reader.integer(); count > 0; count--)
          StoredMessage(
            id: reader.text(),
            group: reader.text(),
            at: reader.integer(),
            expires: reader.integer(),
            type: reader.text(),
            sent: reader.integer(),
            body: reader.bytes(),
          ),
      ];
      messages.change(put, remove);
    case _cleared:
      final prefix = reader.text();
      final expired = reader.integer();
      messages.clear(prefix, expired < 0 ? null : expired);
    default:
      throw RangeError('a record of a later version');
  }
}

final class _Writer {
  final BytesBuilder _content = BytesBuilder(copy: false);

  void byte(int value) => _content.addByte(value);

  void integer(int value) => _content.add((ByteData(8)..setInt64(0, value, Endian.little)).buffer.asUint8List());

  void bytes(Uint8List value) {
    integer(value.length);
    _content.add(value);
  }

  void text(String value) => bytes(utf8.encode(value));

  Uint8List record() {
    final content = _content.takeBytes();
    final header =
        ByteData(_header)
          ..setUint32(0, content.length, Endian.little)
          ..setUint32(4, crc32(content), Endian.little);
    return (BytesBuilder(copy: false)
          ..add(header.buffer.asUint8List())
          ..add(content))
        .takeBytes();
  }
}

final class _Reader {
  _Reader(this._content) : _data = ByteData.sublistView(_content);

  final Uint8List _content;
  final ByteData _data;
  int _at = 0;

  int byte() => _data.getUint8(_at++);

  int integer() {
    final value = _data.getInt64(_at, Endian.little);
    _at += 8;
    return value;
  }

  Uint8List bytes() {
    final length = integer();
    final start = _at;
    _at = RangeError.checkValidRange(start, start + length, _content.length);
    // A copy, so that the file need not stay in memory for one message.
    return _content.sublist(start, _at);
  }

  String text() => utf8.decode(bytes(), allowMalformed: true);
}
