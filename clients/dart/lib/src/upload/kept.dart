import 'dart:convert';

import '../codec/json_text.dart';
import '../client/environment.dart';
import '../common/sfiles.dart';
import '../storage/storage.dart';
import 'types.dart';

/// Microseconds for which an unfinished upload is remembered.
const _life = 7 * 24 * 3600 * 1000000;

/// What a later run knows of an upload.
final class KeptUpload {
  /// An upload.
  const KeptUpload({
    required this.id,
    required this.name,
    required this.mime,
    required this.total,
    required this.localKey,
    required this.metadata,
    required this.via,
    required this.fingerprint,
    required this.at,
    required this.status,
    this.modified,
    this.reference,
    this.url,
  });

  factory KeptUpload._read(StoredMessage row) {
    final said = parseJson(utf8.decode(row.body))! as Map<String, Object?>;
    String text(String name) => said[name]! as String;
    return KeptUpload(
      id: text('id'),
      name: text('name'),
      mime: text('mime'),
      total: said['total']! as int,
      localKey: text('localKey'),
      metadata: (said['metadata']! as Map<String, Object?>).cast<String, String>(),
      via: said['via'] == 'socket' ? UploadWay.socket : UploadWay.http,
      fingerprint: text('fingerprint'),
      at: row.at,
      modified: said['modified'] as int?,
      reference: said['reference'] as String?,
      url: said['url'] as String?,
      status: switch (said['state']) {
        'done' => UploadStored(UploadedFile.descriptor.fromJson(said['file'], ignoreUnknown: true)),
        'paused' => const UploadPaused(),
        _ => const UploadQueued(),
      },
    );
  }

  /// These are as an entry has them.
  final String id, name, mime, localKey, fingerprint;

  /// Its bytes.
  final int total;

  /// What else the server is told.
  final Map<String, String> metadata;

  /// What carries it.
  final UploadWay via;

  /// When it was begun: microseconds since 1970.
  final int at;

  /// When the file was last changed: milliseconds since 1970.
  final int? modified;

  /// What finds the file again.
  final String? reference;

  /// Where it goes on.
  final String? url;

  /// Queued, paused or done.
  final UploadState status;

  Map<String, Object?> _written() => {
    'id': id,
    'name': name,
    'mime': mime,
    'total': total,
    'localKey': localKey,
    'metadata': metadata,
    'via': via.name,
    'fingerprint': fingerprint,
    'modified': modified,
    'reference': reference,
    'url': url,
    ...switch (status) {
      UploadStored(:final file) => {'state': 'done', 'file': UploadedFile.descriptor.toJson(file)},
      UploadPaused() => {'state': 'paused'},
      _ => {'state': 'queued'},
    },
  };
}

/// Uploads over restarts, each user's by themselves.
final class KeptUploads {
  /// Remembers them there.
  KeptUploads(this._storage, this._environment, this._warn);

  final Storage _storage;
  final Environment _environment;
  final void Function(Object error) _warn;

  String _group(String user) => 'upload\n$user\n';

  /// The uploads of a user.
  Future<List<KeptUpload>> find(String user) async {
    final now = _environment.now() * 1000;
    await _storage.clear(_group(user), expired: now);
    final found = <KeptUpload>[];
    for (final row in await _storage.read(_group(user))) {
      try {
        found.add(KeptUpload._read(row));
      } on Object catch (error) {
        _warn(FormatException('what is kept of an upload cannot be read: $error'));
        await _storage.write(const [], [row.id]);
      }
    }
    return found;
  }

  /// Remembers one, over what was remembered of it before.
  Future<void> save(String user, KeptUpload upload) {
    final KeptUpload(:id, :at) = upload;
    final row = StoredMessage(
      id: _group(user) + id,
      group: _group(user),
      at: at,
      expires: _environment.now() * 1000 + _life,
      type: 'upload',
      body: utf8.encode(jsonEncode(upload._written())),
    );
    return _storage.write([row]);
  }

  /// Forgets one.
  Future<void> remove(String user, String id) => _storage.write(const [], [_group(user) + id]);

  /// Forgets everything of a user.
  Future<void> clear(String user) => _storage.clear(_group(user));
}
