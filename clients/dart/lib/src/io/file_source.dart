import 'dart:io';
import 'dart:typed_data';

import '../upload/source.dart';

/// A file to upload. It goes on by itself after a restart, if it is still there and did not change.
final class FileSource implements UploadSource {
  FileSource._(this._file, this.length, this.lastModified, this.name, this.mime);

  /// The file of a path; its name is the last part of that, unless said otherwise. Fails with a [FileSystemException]
  /// if it is not there.
  static Future<FileSource> open(String path, {String? name, String mime = ''}) async {
    final file = File(path).absolute;
    final length = await file.length();
    final modified = await file.lastModified();
    return FileSource._(file, length, modified.millisecondsSinceEpoch, name ?? file.uri.pathSegments.last, mime);
  }

  final File _file;

  @override
  final String name;

  @override
  final String mime;

  @override
  final int length;

  @override
  final int lastModified;

  @override
  String get reference => _file.path;

  @override
  Future<Uint8List> read(int start, int end) async {
    final file = await _file.open();
    try {
      await file.setPosition(start);
      return await file.read(end - start);
    } finally {
      await file.close();
    }
  }
}
