/// Ends requests early: give it to them, and call [abort] when nobody wants their answers any more.
///
/// In v1 the server is told, and drops its handler.
final class AbortSignal {
  final Set<_Callback> _callbacks = {};

  /// Whether [abort] was called.
  bool get isAborted => _isAborted;
  bool _isAborted = false;

  /// What [abort] was called with.
  Object? get reason => _reason;
  Object? _reason;

  /// Ends what this was given to; [reason] is the `cause` of the errors there. Only the first call does anything.
  void abort([Object? reason]) {
    if (_isAborted) return;
    _isAborted = true;
    _reason = reason;
    final callbacks = [..._callbacks];
    _callbacks.clear();
    for (final callback in callbacks) {
      callback.run();
    }
  }

  /// Calls [run] at [abort], unless the returned function is called before.
  void Function() onAbort(void Function() run) {
    final callback = _Callback(run);
    _callbacks.add(callback);
    return () => _callbacks.remove(callback);
  }
}

/// An object of its own, so that one function that is there twice is called twice.
final class _Callback {
  _Callback(this.run);
  final void Function() run;
}
