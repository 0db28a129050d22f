/// What generated code says of package:flutter_persistent_socket, and the names that it inherits from it. A stand-in
/// for type checks, without behaviour.
library;

import 'package:drift/drift.dart';
import 'package:protobuf/protobuf.dart';

abstract final class SocketRxMessageData {}

/// The table of the cache.
abstract final class $SocketRxEventsTable {}

enum CacheKeyType { date, text, real, int }

class CacheKey {
  const CacheKey(this.type, this.index, this.key);

  final CacheKeyType type;
  final int index;
  final String key;

  external DateTimeColumn dateField($SocketRxEventsTable table);
  external TextColumn textField($SocketRxEventsTable table);
  external RealColumn realField($SocketRxEventsTable table);
  external IntColumn intField($SocketRxEventsTable table);
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

  external List<String> get keys;
  external String? getKey(CacheKeyType type, int index);
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

  external String get cacheUuid;
  external Map<String, dynamic> get data;
  external dynamic operator [](String key);
  external dynamic getCacheVal(CacheKeyType type, int index);
}

abstract class SocketRxMessage<TableT> {
  SocketRxMessage(this.messageType, SocketRxMessageData? message) : cache = null, cacheKeys = null;

  final String messageType;
  final Duration? cache;
  final CacheKeys? cacheKeys;
  final GeneratedMessage? data = null;

  external SocketRxMessageData get message;
  external String get cacheUuid;
  external dynamic operator [](String key);
  external dynamic getCacheVal(CacheKeyType type, int index);
  external Future save();
  external void setTable(table);

  SocketRxMessage fromMessage(SocketRxMessageData message);
}
