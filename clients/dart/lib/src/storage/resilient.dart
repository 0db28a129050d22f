import 'memory.dart';
import 'storage.dart';

/// Uses a storage until it fails (no space, a broken file), and memory from then on; the application is told once. What
/// the broken storage held is not lost, but stays where it is.
final class ResilientStorage implements Storage {
  /// Uses this storage for as long as it goes well.
  ResilientStorage(this._primary, this._warn) : _current = _primary;

  final Storage _primary;
  final void Function(Object error) _warn;
  final Storage _memory = MemoryStorage();
  Storage _current;

  Future<T> _guard<T>(Future<T> Function(Storage storage) call) async {
    final used = _current;
    try {
      return await call(used);
    } on Object catch (error) {
      if (identical(used, _memory)) rethrow;
      if (!identical(_current, _memory)) {
        _current = _memory;
        _warn(error);
      }
      return call(_memory);
    }
  }

  @override
  Future<List<StoredMessage>> read(String group) => _guard((storage) => storage.read(group));

  @override
  Future<void> write(List<StoredMessage> put, [List<String> remove = const []]) =>
      _guard((storage) => storage.write(put, remove));

  @override
  Future<void> clear(String prefix, {int? expired}) => _guard((storage) => storage.clear(prefix, expired: expired));

  @override
  Future<void> close() => _primary.close();
}
