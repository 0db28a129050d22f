import 'dart:async';
import 'dart:io';
import 'dart:typed_data';

import '../storage/memory.dart';
import '../storage/storage.dart';
import 'journal.dart';

/// Keeps messages in a file, over restarts and crashes.
///
/// The file is a journal: every call of [write] or [clear] adds one record to its end, and is done when the record is
/// on the disk (`fsync`; calls that come meanwhile share one). A record that a crash cut short is not there, and
/// everything before it is. When most of the file is of the past, a new one is written beside it and takes its place in
/// one step.
///
/// Everything is in memory too: the outbox and the cache bound how much. For caches of many megabytes, take a database
/// (`package:psd_drift`). One process at a time opens a file, and in it one isolate.
final class FileStorage implements Storage {
  FileStorage._(this._path, this._lock, this._file, this._messages, this._length);

  /// Opens the file, which is made if it is not there.
  ///
  /// What cannot be read is not lost either: it is copied to a file with `.damaged` behind its name, and [onWarning]
  /// told. Fails with a [FileSystemException] if the file cannot be opened, or another process has it open.
  static Future<FileStorage> open(String path, {void Function(Object error)? onWarning}) async {
    await File(path).parent.create(recursive: true);
    final lock = await File('$path.lock').open(mode: FileMode.append);
    try {
      await lock.lock();
      final Journal(:messages, :length, :damage) = await Journal.load(path);
      if (damage case final damage?) {
        await File(path).copy('$path.damaged');
        onWarning?.call(FileSystemException('$damage; see `$path.damaged`', path));
      }
      final file = await File(path).open(mode: FileMode.append);
      await _cut(file, length);
      final storage = FileStorage._(path, lock, file, messages, length);
      if (length == 0) await storage._rewrite();
      return storage;
    } on Object {
      await lock.close();
      rethrow;
    }
  }

  final String _path;
  final RandomAccessFile _lock;
  RandomAccessFile _file;
  final Messages _messages;

  /// How many bytes of the file are good.
  int _length;

  /// How many bytes a file without a past has.
  int _live = 0;

  /// The records that wait to be written.
  BytesBuilder _waiting = BytesBuilder(copy: false);
  Completer<void>? _next;
  Future<void>? _writing;
  Object? _broken;
  bool _isClosed = false;

  @override
  Future<List<StoredMessage>> read(String group) async {
    _check();
    return _messages.of(group);
  }

  @override
  Future<void> write(List<StoredMessage> put, [List<String> remove = const []]) {
    if (put.isEmpty && remove.isEmpty) return _writing ?? Future.value();
    return _change(() => _messages.change(put, remove), changeRecord(put, remove));
  }

  @override
  Future<void> clear(String prefix, {int? expired}) =>
      _change(() => _messages.clear(prefix, expired), clearRecord(prefix, expired));

  @override
  Future<void> close() async {
    if (_isClosed) return;
    _isClosed = true;
    try {
      await _writing;
    } on Object {
      // Whoever wrote was told.
    }
    await _file.close();
    await _lock.close();
  }

  void _check() {
    if (_isClosed) throw FileSystemException('the storage is closed', _path);
    if (_broken case final error?) throw error;
  }

  Future<void> _change(void Function() apply, Uint8List record) async {
    _check();
    apply();
    _waiting.add(record);
    final done = _next ??= Completer();
    _writing ??= _drain();
    await done.future;
  }

  /// Writes what waits until nothing does.
  Future<void> _drain() async {
    // What is asked for in one go is written in one go.
    await null;
    for (var done = _next; done != null; done = _next) {
      final records = _waiting.takeBytes();
      _next = null;
      try {
        if (_broken case final error?) throw error;
        await _append(records);
        done.complete();
      } on Object catch (error, trace) {
        _broken ??= error;
        done.completeError(error, trace);
      }
    }
    _writing = null;
  }

  Future<void> _append(Uint8List records) async {
    try {
      await _file.writeFrom(records);
      await _file.flush();
    } on Object {
      // Half a record would hide those behind it.
      await _cut(_file, _length);
      rethrow;
    }
    _length += records.length;
    if (_length > _slack && _length > 2 * _live) await _rewrite();
  }

  static Future<void> _cut(RandomAccessFile file, int length) async {
    await file.truncate(length);
    await file.setPosition(length);
  }

  /// Writes a file of what holds now, and puts it in the place of the old one.
  Future<void> _rewrite() async {
    // What waits is in it already; to have it once more in the new file changes nothing.
    final bytes = journalOf(_messages.all);
    final beside = '$_path.new';
    try {
      await File(beside).writeAsBytes(bytes, flush: true);
    } on FileSystemException {
      if (_length == 0) rethrow;
      // There is no space for two. The old one is as good, and goes on until it is twice as long.
      _live = _length;
      return;
    }
    // Windows renames nothing that is open.
    await _file.close();
    await File(beside).rename(_path);
    _file = await File(_path).open(mode: FileMode.append);
    _length = _live = bytes.length;
  }
}

/// Below this size, a file is not worth to be written anew.
const _slack = 256 << 10;
