import 'dart:async';

import 'outbox.dart';
import 'store.dart';

/// A message on its way: completes when the server has handled it, and tells meanwhile how it fares.
final class Delivery implements Future<void> {
  /// For the client.
  Delivery(this.uuid, this.status, this._done);

  /// Names the request.
  final String uuid;

  /// How it fares.
  final Store<DeliveryStatus> status;

  final Future<void> _done;

  @override
  Stream<void> asStream() => _done.asStream();

  @override
  Future<void> catchError(Function onError, {bool Function(Object error)? test}) =>
      _done.catchError(onError, test: test);

  @override
  Future<R> then<R>(FutureOr<R> Function(void) onValue, {Function? onError}) => _done.then(onValue, onError: onError);

  @override
  Future<void> timeout(Duration timeLimit, {FutureOr<void> Function()? onTimeout}) =>
      _done.timeout(timeLimit, onTimeout: onTimeout);

  @override
  Future<void> whenComplete(FutureOr<void> Function() action) => _done.whenComplete(action);
}
