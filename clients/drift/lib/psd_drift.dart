/// Keeps the outbox and the cache of `psd_client` in a database of drift.
library;

import 'dart:typed_data';

import 'package:drift/drift.dart';
import 'package:psd_client/psd_client.dart';

/// Keeps messages in a table of a drift database, the application's own or one for it alone.
///
/// The table `psd_messages` is made when it is first needed, and no class of the database has to know it. [close]
/// leaves the database open: it belongs to whoever made it.
final class DriftStorage implements Storage {
  /// In this database.
  DriftStorage(this._database);

  final GeneratedDatabase _database;
  late final Future<void> _table = _create();

  /// Calls follow each other: what nobody waits for comes before what is called later.
  Future<void> _last = Future.value();

  Future<void> _create() async {
    await _database.customStatement(
      'CREATE TABLE IF NOT EXISTS psd_messages (id TEXT NOT NULL PRIMARY KEY, message_group TEXT NOT NULL, '
      'at INTEGER NOT NULL, expires INTEGER NOT NULL, type TEXT NOT NULL, sent INTEGER NOT NULL, body BLOB NOT NULL)',
    );
    await _database.customStatement(
      'CREATE INDEX IF NOT EXISTS psd_messages_by_group ON psd_messages (message_group, at)',
    );
  }

  Future<T> _next<T>(Future<T> Function() run) {
    final result = _last.then((_) async {
      await _table;
      return run();
    });
    _last = result.then((_) {}, onError: (_) {});
    return result;
  }

  @override
  Future<List<StoredMessage>> read(String group) => _next(() async {
    final rows =
        await _database
            .customSelect(
              'SELECT id, message_group, at, expires, type, sent, body FROM psd_messages '
              'WHERE message_group = ? ORDER BY at',
              variables: [Variable<String>(group)],
            )
            .get();
    return [
      for (final row in rows)
        StoredMessage(
          id: row.read<String>('id'),
          group: row.read<String>('message_group'),
          at: row.read<int>('at'),
          expires: row.read<int>('expires'),
          type: row.read<String>('type'),
          sent: row.read<int>('sent'),
          body: row.read<Uint8List>('body'),
        ),
    ];
  });

  @override
  Future<void> write(List<StoredMessage> put, [List<String> remove = const []]) => _next(
    () => _database.transaction(() async {
      for (final id in remove) {
        await _database.customStatement('DELETE FROM psd_messages WHERE id = ?', [id]);
      }
      for (final StoredMessage(:id, :group, :at, :expires, :type, :sent, :body) in put) {
        await _database.customStatement(
          'INSERT OR REPLACE INTO psd_messages (id, message_group, at, expires, type, sent, body) '
          'VALUES (?, ?, ?, ?, ?, ?, ?)',
          [id, group, at, expires, type, sent, body],
        );
      }
    }),
  );

  @override
  Future<void> clear(String prefix, {int? expired}) => _next(
    () => _database.customStatement(
      // Prefixes are compared as they are: `LIKE` would take some of their characters for patterns.
      'DELETE FROM psd_messages WHERE substr(id, 1, length(?)) = ? AND (? IS NULL OR expires <= ?)',
      [prefix, prefix, expired, expired],
    ),
  );

  @override
  Future<void> close() => _last;
}
