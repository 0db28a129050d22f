import 'dart:async';
import 'dart:math';

import '../client/abort_signal.dart';
import '../client/auth.dart';
import '../client/backoff.dart';
import '../client/client.dart';
import '../client/connection.dart';
import '../client/environment.dart';
import '../client/exception.dart';
import '../client/store.dart';
import '../common/sfiles.dart';
import '../storage/memory.dart';
import '../storage/resilient.dart';
import 'item.dart';
import 'kept.dart';
import 'platform_none.dart' if (dart.library.io) 'platform_io.dart' if (dart.library.js_interop) 'platform_web.dart';
import 'remedy.dart';
import 'source.dart';
import 'transfer.dart';
import 'tus.dart';
import 'types.dart';

/// How many uploads are listed that have ended.
const _mostEnded = 100;

final _metadataName = RegExp(r'^[!-+\--~]+$');

/// The uploads of a client, the oldest first. Those that an earlier run has left go on when the client connects, or
/// with the first upload.
final class Uploads implements Store<List<UploadEntry>> {
  /// Uploads that begin at this address: `https://example.org/uploads`.
  Uploads(PsdClient client, Uri endpoint, [UploadsOptions options = const UploadsOptions()])
    : this.resolving(client, () => endpoint, options);

  /// Uploads whose address is found before each request.
  Uploads.resolving(this._client, FutureOr<Uri> Function() endpoint, [this._options = const UploadsOptions()])
    : _auth = authOf(_client),
      _environment = Environment(clock: _options.clock, random: _options.random) {
    _tus = Tus(_auth, endpoint, _options.http ?? sendHttp, checksum: _options.checksum);
    _transfer = Transfer(_client, _tus, _options.chunkSize, changed: _update, save: _save);
    _kept = KeptUploads(ResilientStorage(_options.storage ?? MemoryStorage(), _warn), _environment, _warn);
    _watching.add(_client.connection.changes.listen(_connected));
    _connected(_client.connection.value);
  }

  final PsdClient _client;
  final UploadsOptions _options;
  final Auth _auth;
  final Environment _environment;
  late final Tus _tus;
  late final Transfer _transfer;
  late final KeptUploads _kept;
  final Cell<List<UploadEntry>> _entries = Cell(const []);
  final List<StreamSubscription<void>> _watching = [];
  List<UploadItem> _items = [];
  String? _user;
  bool _isClosed = false;
  Future<void>? _begun;

  @override
  List<UploadEntry> get value => _entries.value;

  @override
  Stream<List<UploadEntry>> get changes => _entries.changes;

  /// Begins to upload a file, as soon as it is its turn.
  ///
  /// - [name] and [mime] are the file's own by default. The server looks at the bytes, too.
  /// - [localKey]: `local_key` of the server's messages; the upload's id by default.
  /// - [metadata]: what else the server is told (`Upload-Metadata` of tus). Names are ASCII without spaces and commas.
  /// - [via]: what carries it.
  /// - [fingerprint] tells whether a file is the same after a restart; by default its name, type, length and date do.
  /// - [onProgress] is told whenever the server has confirmed more bytes, and how many there are in all.
  /// - [signal] cancels the upload.
  Upload upload(
    UploadSource file, {
    String? name,
    String? mime,
    String? localKey,
    Map<String, String> metadata = const {},
    UploadWay via = UploadWay.http,
    String? fingerprint,
    void Function(int sent, int total)? onProgress,
    AbortSignal? signal,
  }) {
    for (final key in metadata.keys) {
      if (!_metadataName.hasMatch(key)) {
        throw ArgumentError.value(key, 'metadata', 'this cannot be a name in the metadata of an upload');
      }
    }
    final id = randomUuid();
    final UploadSource(:length, :lastModified, :reference) = file;
    final says = (name: name ?? file.name, mime: mime ?? file.mime);
    final item = UploadItem(
      KeptUpload(
        id: id,
        name: says.name,
        mime: says.mime,
        total: length,
        localKey: localKey ?? id,
        metadata: Map.unmodifiable(metadata),
        via: via,
        fingerprint: fingerprint ?? [says.name, says.mime, length, lastModified ?? ''].join(','),
        at: max(_environment.now() * 1000, (_items.lastOrNull?.at ?? 0) + 1),
        status: const UploadQueued(),
        modified: lastModified,
        reference: reference,
      ),
      source: file,
      status: const UploadQueued(),
      chunk: _transfer.firstChunk,
      isStored: false,
      onProgress: onProgress,
    );
    _items = [..._items, item];
    _publish();
    signal?.onAbort(() => _cancel(id, signal.reason));
    if (_isClosed) {
      _fail(item, _closed);
    } else if (signal != null && signal.isAborted) {
      unawaited(_cancel(id, signal.reason));
    } else {
      unawaited(_admit(item));
    }
    return _Upload(this, item);
  }

  /// An upload of the list, such as one that was begun before a restart.
  Upload? find(String id) => switch (_find(id)) {
    final item? => _Upload(this, item),
    null => null,
  };

  /// As [Upload.pause].
  void pause(String id) {
    final item = _find(id);
    if (item == null) return;
    if (item.status is! UploadQueued && item.status is! UploadRunning && item.status is! UploadWaiting) return;
    item.stopWaiting?.call();
    _update(item, const UploadPaused());
    item.abort?.abort();
    if (item.isStored) unawaited(_save(item));
  }

  /// As [Upload.resume].
  void resume(String id, [UploadSource? file]) {
    final item = _find(id);
    if (item == null) return;
    switch (item.status) {
      case UploadNeedsFile():
        if (file == null) throw ArgumentError('the upload needs its file: give it to `resume`');
        if (file.length != item.total) {
          throw ArgumentError('this is another file: it has ${file.length} bytes, not ${item.total}');
        }
        item.source = file;
        unawaited(_save(item));
        _queue(item);
      case UploadStopped():
        item
          ..failures = 0
          ..renew();
        _update(item, const UploadQueued());
        unawaited(_admit(item));
      case UploadPaused() || UploadWaiting():
        item.failures = 0;
        _queue(item);
        if (item.isStored) unawaited(_save(item));
      case UploadQueued() || UploadRunning() || UploadStored():
    }
  }

  /// As [Upload.cancel].
  Future<void> cancel(String id) => _cancel(id);

  /// Takes an upload that is done or has failed off the list.
  void remove(String id) {
    final item = _find(id);
    if (item != null && item.isEnded) _forget(item);
  }

  /// Stops for good. What is kept goes on in a later run.
  void close() {
    _isClosed = true;
    for (final watched in _watching) {
      watched.cancel().ignore();
    }
    for (final item in _items) {
      _drop(item, _closed);
    }
  }

  static const _closed = PsdException(ErrorKind.disconnected, 'this client is closed');

  UploadItem? _find(String id) => _items.where((item) => item.id == id).firstOrNull;

  void _warn(Object error) {
    final warn = _options.onWarning;
    // ignore: avoid_print
    warn == null ? print('psd: $error') : warn(error);
  }

  void _publish() => _entries.value = List.unmodifiable(_items.map((item) => item.cell.value));

  void _update(UploadItem item, [UploadState? status]) {
    item.status = status ?? item.status;
    item.cell.value = item.entry;
    _publish();
  }

  Future<void> _save(UploadItem item) async {
    if (_items.contains(item)) await _kept.save(_user!, item.kept);
  }

  // Whose uploads these are.

  void _connected(PsdConnectionState state) {
    if (state is! ConnectionIdle) _begin().onError((Object error, _) => _warn(error)).ignore();
    if (state is ConnectionOpen) _back();
  }

  /// Finds out whose uploads these are, and goes on with what an earlier run has left.
  Future<void> _begin() =>
      _begun ??= () async {
        _watching
          ..add(_auth.state.changes.listen((_) => _changed().onError((Object error, _) => _warn(error)).ignore()))
          ..add(networkOf(_client).listen((isThere) => isThere ? _back() : _away()));
        await _auth.ready;
        await _setUser(_auth.user);
      }();

  Future<void> _changed() async {
    final state = _auth.state.value;
    if (state is AuthLoading || state is AuthSignedOut) return;
    if (state is AuthAnonymous && (_user ?? '').isNotEmpty) await _wipe();
    await _setUser(_auth.user);
    for (final item in _items) {
      if (item.status case UploadWaiting(until: null)) _queue(item);
    }
  }

  Future<void> _setUser(String next) async {
    if (next == _user || _isClosed) return;
    final before = _items;
    if (_user case final old? when old.isNotEmpty) {
      const error = PsdException(ErrorKind.signedOut, 'somebody else is signed in; the upload is kept for its owner');
      for (final item in before) {
        _drop(item, error);
      }
    } else if (_user == '') {
      // What was begun before anybody signed in is theirs.
      for (final item in before) {
        unawaited(_kept.remove('', item.id));
      }
    }
    _user = next;
    for (final item in _items) {
      if (item.isStored) unawaited(_save(item));
    }
    final found = [
      for (final kept in await _kept.find(next)) (kept, kept.status is UploadStored ? null : await _reopen(kept)),
    ];
    if (_user != next || _isClosed) return;
    for (final (kept, source) in found) {
      if (_find(kept.id) != null) continue;
      final isThere = source != null || kept.status is UploadStored;
      _items.add(
        UploadItem(
          kept,
          source: source,
          status: isThere ? kept.status : const UploadNeedsFile(),
          chunk: _transfer.firstChunk,
          isStored: true,
        ),
      );
    }
    _items = [..._items]..sort((one, other) => one.at.compareTo(other.at));
    _publish();
    _pump();
  }

  /// The file of an upload, if it is still there and did not change.
  Future<UploadSource?> _reopen(KeptUpload kept) async {
    final KeptUpload(:reference, :total, :modified) = kept;
    if (reference == null) return null;
    try {
      final source = await (_options.open ?? openSource)(reference);
      return source?.length == total && source?.lastModified == modified ? source : null;
    } on Object catch (error) {
      _warn(error);
      return null;
    }
  }

  /// Takes an upload off the list, and stops it. What is kept of it stays.
  void _drop(UploadItem item, [PsdException? error]) {
    _items = [..._items.where((other) => !identical(other, item))];
    item.stopWaiting?.call();
    item.abort?.abort();
    if (error != null) item.settle(error: error);
    _publish();
  }

  void _forget(UploadItem item, [PsdException? error]) {
    _drop(item, error);
    if (_user case final user?) unawaited(_kept.remove(user, item.id));
  }

  /// Whoever logs out leaves nothing behind.
  Future<void> _wipe() async {
    for (final item in _items) {
      _drop(item, const PsdException(ErrorKind.signedOut, 'logged out before the file was uploaded'));
    }
    await _kept.clear(_user!);
  }

  /// Stores a new upload, so that no restart loses it.
  Future<void> _admit(UploadItem item) async {
    try {
      await _begin();
      bool isTwin(UploadItem other) => other.status is UploadNeedsFile && other.fingerprint == item.fingerprint;
      if (_items.where(isTwin).firstOrNull case final twin?) {
        // The file was given again: it goes on where it was.
        item
          ..url = twin.url
          ..isKnown = twin.url == null;
        _forget(twin);
      }
      await _save(item);
      item.isStored = true;
      _pump();
    } on Object catch (error) {
      if (_items.contains(item)) _fail(item, _asPsd(error, 'what is kept of the upload'));
    }
  }

  // Attempts.

  /// Begins as many as may run.
  void _pump() {
    var free = _options.parallel - _items.where((item) => item.abort != null).length;
    for (final item in _items) {
      if (free <= 0) return;
      if (!item.isStored || item.abort != null || item.status is! UploadQueued) continue;
      free--;
      item.attempt = _run(item, item.abort = AbortSignal());
    }
  }

  Future<void> _run(UploadItem item, AbortSignal signal) async {
    _update(item, const UploadRunning());
    try {
      final file = await _transfer.run(item, signal);
      if (file != null && _items.contains(item)) _finish(item, file);
    } on Object catch (error) {
      // What it was ended for is said already.
      if (!signal.isAborted) _stumble(item, error);
    }
    item
      ..abort = null
      ..attempt = null;
    _pump();
  }

  void _finish(UploadItem item, UploadedFile file) {
    _transfer.advance(item, item.total);
    _update(item, UploadStored(file));
    item.settle(file: file);
    _options.keepDone ? unawaited(_save(item)) : _letGo(item);
  }

  /// An upload that has ended is listed for this run only.
  void _letGo(UploadItem item) {
    if (_user case final user?) unawaited(_kept.remove(user, item.id));
    item.isStored = false;
    final ended = [..._items.where((other) => other.isEnded && !other.isStored)];
    if (ended.length > _mostEnded) _drop(ended.first);
  }

  void _fail(UploadItem item, PsdException error) {
    _update(item, UploadStopped(error));
    item.settle(error: error);
    _letGo(item);
  }

  /// An attempt has failed: tries again later, or gives up.
  void _stumble(UploadItem item, Object thrown) {
    final (error, retryAfter) = switch (thrown) {
      Refusal(:final error, :final retryAfter) => (error, retryAfter),
      _ => (_asPsd(thrown, 'the file `${item.name}`'), 0),
    };
    item.isKnown = item.url == null;
    final wait = max(delay(item.failures++, _environment.unit()), retryAfter);
    _transfer.shrink(item);
    final remedy = remedyFor(
      error,
      via: item.via,
      isBegun: item.url != null,
      isSignedOut: _auth.state.value is AuthSignedOut,
      failures: item.failures,
    );
    switch (remedy) {
      case Remedy.wait:
        _wait(item, wait, error);
      case Remedy.waitForLogin:
        item.stopWaiting?.call();
        _update(item, UploadWaiting(null, error));
      case Remedy.beginAnew:
        item
          ..url = null
          ..isKnown = true;
        _wait(item, wait, error);
      case Remedy.giveUp:
        _fail(item, error);
    }
  }

  void _wait(UploadItem item, int milliseconds, PsdException reason) {
    item.stopWaiting?.call();
    item.stopWaiting = timer(milliseconds, () => _queue(item));
    final until = DateTime.fromMillisecondsSinceEpoch(_environment.now() + milliseconds);
    _update(item, UploadWaiting(until, reason));
  }

  void _queue(UploadItem item) {
    item.stopWaiting?.call();
    _update(item, const UploadQueued());
    _pump();
  }

  /// The network may be back.
  void _back() {
    for (final item in _items) {
      if (item.status case UploadWaiting(until: _?, :final reason) when reason.kind != ErrorKind.refused) _queue(item);
    }
  }

  /// The network is away: nothing will come of what is under way.
  void _away() {
    for (final item in _items) {
      if (item.abort == null || item.status is! UploadRunning) continue;
      item.isKnown = item.url == null;
      const reason = PsdException(ErrorKind.disconnected, 'the network is away');
      _wait(item, delay(item.failures++, _environment.unit()), reason);
      item.abort!.abort();
    }
  }

  Future<void> _cancel(String id, [Object? cause]) async {
    final item = _find(id);
    if (item == null || item.isEnded) return;
    _forget(item, PsdException(ErrorKind.aborted, 'the upload was cancelled', cause: cause));
    // Its beginning is waited for: it says what is to be ended.
    await item.attempt;
    try {
      if (item.url != null) await _transfer.terminate(item);
    } on Object {
      // What the server does not hear of expires there.
    }
    _pump();
  }
}

final class _Upload implements Upload {
  _Upload(this._uploads, this._item);

  final Uploads _uploads;
  final UploadItem _item;

  @override
  String get id => _item.id;

  @override
  UploadEntry get value => _item.cell.value;

  @override
  Stream<UploadEntry> get changes => _item.cell.changes;

  @override
  Future<UploadedFile> get done => _item.done;

  @override
  void pause() => _uploads.pause(id);

  @override
  void resume([UploadSource? file]) => _uploads.resume(id, file);

  @override
  Future<void> cancel() => _uploads.cancel(id);
}

PsdException _asPsd(Object error, String what) => error is PsdException ? error : unreadable(error, what);
