import 'dart:async';
import 'dart:collection';

/// Something that changes and can be watched: `StreamBuilder(initialData: store.value, stream: store.changes, …)`.
abstract interface class Store<T> {
  /// What holds now; the same object until something changes.
  T get value;

  /// What holds after every change from now on. Whoever pauses hears only of the last change afterwards.
  Stream<T> get changes;
}

/// A store that can be set.
final class Cell<T> implements Store<T> {
  /// A store of this value.
  Cell(this._value);

  final Listeners<T> _listeners = Listeners(limit: 1);

  @override
  T get value => _value;
  T _value;
  set value(T next) {
    if (identical(next, _value)) return;
    _value = next;
    _listeners.call(next);
  }

  @override
  Stream<T> get changes => _listeners.stream;
}

/// Those who hear of something, each at once and in the order in which they came.
final class Listeners<T> {
  /// Nobody yet. [limit] is how much waits for one that pauses; beyond it the oldest is dropped, and [onDropped] told.
  Listeners({required this.limit, this.onDropped});

  /// How much waits for a listener that pauses.
  final int limit;

  /// Told whenever something is dropped.
  final void Function()? onDropped;

  final Set<_Listener<T>> _listeners = {};

  /// What they listen to.
  late final Stream<T> stream = Stream.multi((controller) {
    final listener = _Listener(controller, this);
    _listeners.add(listener);
    controller
      ..onResume = listener.resume
      ..onCancel = () => _listeners.remove(listener);
  }, isBroadcast: true);

  /// Whether nobody listens.
  bool get isEmpty => _listeners.isEmpty;

  /// Tells all of them. One that throws keeps no other from hearing: its error is its zone's.
  void call(T event) {
    for (final listener in [..._listeners]) {
      listener.hear(event);
    }
  }
}

final class _Listener<T> {
  _Listener(this._controller, this._owner);

  final MultiStreamController<T> _controller;
  final Listeners<T> _owner;
  final Queue<T> _waiting = Queue();

  void hear(T event) {
    if (_waiting.isEmpty && !_controller.isPaused) return _controller.addSync(event);
    if (_waiting.length >= _owner.limit) {
      _waiting.removeFirst();
      _owner.onDropped?.call();
    }
    _waiting.add(event);
  }

  // The subscription is not ready for events before it has resumed altogether.
  void resume() => scheduleMicrotask(() {
    while (_waiting.isNotEmpty && !_controller.isPaused && _controller.hasListener) {
      _controller.addSync(_waiting.removeFirst());
    }
  });
}
