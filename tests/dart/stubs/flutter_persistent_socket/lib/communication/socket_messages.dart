/// What generated code says of package:flutter_persistent_socket. A stand-in for type checks and round trips.
library;

import 'package:drift/drift.dart';
import 'package:protobuf/protobuf.dart';

/// A message as it came.
class SocketRxMessageData {
  SocketRxMessageData(this.body);

  final Map<String, dynamic> body;
}

/// The columns of one kind, by their place.
class CacheColumns {
  const CacheColumns();

  Column<D> column<D extends Object>() => Column<D>();
}

enum CacheKeyType { date, text, real, int }

class CacheKey {
  const CacheKey(this.type, this.index, this.key);

  final CacheKeyType type;
  final int index;
  final String key;

  DateTimeColumn dateField(CacheColumns table) => table.column();

  TextColumn textField(CacheColumns table) => table.column();

  RealColumn realField(CacheColumns table) => table.column();

  IntColumn intField(CacheColumns table) => table.column();
}

class CacheKeys {
  const CacheKeys({
    this.textKeys = const [],
    this.realKeys = const [],
    this.dateKeys = const [],
    this.intKeys = const [],
  });

  final List<String> textKeys;
  final List<String> realKeys;
  final List<String> dateKeys;
  final List<String> intKeys;

  List<String> get keys => [...textKeys, ...realKeys, ...dateKeys, ...intKeys];
}

abstract class SocketTxMessage {
  const SocketTxMessage(this.messageType, {this.authRequired = true})
    : cache = null,
      cacheKeys = null;

  final String messageType;
  final bool authRequired;
  final Duration? cache;
  final CacheKeys? cacheKeys;
  final GeneratedMessage? proto = null;

  Object? get data => proto?.toProto3Json();
}

abstract class SocketRxMessage<TableT> {
  SocketRxMessage(this.messageType, SocketRxMessageData? message)
    : cache = null,
      cacheKeys = null,
      message = message ?? SocketRxMessageData({}) {
    data?.mergeFromProto3Json(this.message.body, ignoreUnknownFields: true);
  }

  final SocketRxMessageData message;
  final String messageType;
  final Duration? cache;
  final CacheKeys? cacheKeys;
  final GeneratedMessage? data = null;

  SocketRxMessage fromMessage(SocketRxMessageData message);

  /// The field of a cache key.
  Object? operator [](String key) {
    final tag = data?.getTagNumber(key);
    return tag == null ? null : data?.getField(tag);
  }

  void setTable(table) => throw UnimplementedError();
}
