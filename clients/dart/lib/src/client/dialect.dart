import 'dart:convert';
import 'dart:typed_data';

import '../codec/json.dart';
import '../codec/json_text.dart';
import '../codec/message.dart';
import '../common/v1.dart';
import 'exception.dart';

/// How the client and the server talk: docs/PROTOCOL.md of the repository.
enum Dialect {
  /// v1 in binary frames.
  proto('psd.v1.proto'),

  /// v1 as JSON.
  json('psd.v1.json'),

  /// What older servers speak.
  classic('');

  const Dialect(this.protocol);

  /// Its entry in `Sec-WebSocket-Protocol`; empty for classic, which has none.
  final String protocol;

  /// The dialect of a connection whose server chose this entry.
  static Dialect of(String protocol) =>
      values.firstWhere((dialect) => dialect.protocol == protocol, orElse: () => classic);
}

/// What a message holds: its value, or its protobuf bytes, which need no type in `psd.v1.proto`.
final class Payload {
  /// Nothing.
  const Payload.none() : type = null, message = null, bytes = null;

  /// This message.
  Payload.of(ProtoMessage this.message) : type = message.$descriptor, bytes = null;

  /// These bytes, of a message of this type if it is known.
  const Payload.bytes(Uint8List this.bytes, this.type) : message = null;

  /// What the message is.
  final MessageType<Object>? type;

  /// The message.
  final Object? message;

  /// Its bytes.
  final Uint8List? bytes;
}

/// A message on its way to the server.
final class Outgoing {
  /// A message; without [payload], it has no body.
  const Outgoing(
    this.type, {
    this.payload = const Payload.none(),
    this.uuid = '',
    this.token,
    this.ack = false,
    this.retries = 0,
    this.at,
    this.deadline,
  });

  /// The route.
  final String type;

  /// The body.
  final Payload payload;

  /// Names the request.
  final String uuid;

  /// The token to show.
  final String? token;

  /// Whether an answer is wanted.
  final bool ack;

  /// How often it was sent before.
  final int retries;

  /// When it happened, if not now: milliseconds since 1970.
  final int? at;

  /// How many milliseconds an answer is still wanted (v1).
  final int? deadline;
}

/// A message that came.
final class Incoming {
  const Incoming._(this.type, this.uuid, this.seq, this.result, this._read);

  /// The route.
  final String type;

  /// The uuid of the request that it belongs to, or empty.
  final String uuid;

  /// Its number.
  final int seq;

  /// How that request ended, if this is its last message.
  final RequestResult? result;

  final T Function<T extends Object>(MessageType<T> type) _read;

  /// Its body; throws where it is no such message.
  T read<T extends Object>(MessageType<T> type) => _read(type);
}

/// A frame with one envelope: a `String`, or bytes.
Object encode(
  Dialect dialect,
  Outgoing message, {
  required int now,
  required int seq,
  required int seen,
  required int apiVersion,
}) {
  final Outgoing(:type, :payload) = message;
  if (dialect == Dialect.proto) {
    final envelope = Envelope(
      headers: _headers(message, now, apiVersion),
      body: payload.bytes ?? payload.type?.toBinary(payload.message!) ?? Uint8List(0),
      seq: seq,
      seen: seen,
    );
    return _withLength(envelope.toBinary());
  }
  final descriptor = payload.type;
  if (descriptor == null && payload.bytes != null) {
    throw PsdException(
      ErrorKind.unreadable,
      '`$type` is not known here: name its messages in the option `messages`',
    );
  }
  final names = dialect == Dialect.classic ? JsonNames.classic : JsonNames.proto3;
  final value = payload.message ?? (payload.bytes == null ? null : descriptor!.fromBinary(payload.bytes!));
  return jsonEncode({
    'headers': Headers.descriptor.toJson(_headers(message, now, apiVersion), names: names),
    'body': value == null ? const <String, Object?>{} : descriptor!.toJson(value, names: names),
    if (dialect != Dialect.classic) ...{'seq': seq, 'seen': seen},
  });
}

Headers _headers(Outgoing message, int now, int apiVersion) => Headers(
  messageType: message.type,
  uuid: message.uuid,
  authHeader: message.token ?? '',
  eventTime: message.at ?? now,
  localTime: now,
  ack: message.ack,
  retryCount: message.retries,
  apiVersion: apiVersion,
  deadlineMs: message.deadline ?? 0,
);

/// The envelopes of a frame; [unreadable] is told what cannot be read, and the rest is not lost.
List<Incoming> decode(Dialect dialect, Object frame, void Function(Object error) unreadable) {
  final incoming = <Incoming>[];
  void attempt(Incoming? Function() read) {
    try {
      if (read() case final envelope?) incoming.add(envelope);
    } on Object catch (error) {
      unreadable(error);
    }
  }

  attempt(() {
    if (frame is String) {
      final json = parseJson(frame);
      for (final envelope in json is List<Object?> ? json : [json]) {
        attempt(() => _fromJson(envelope, isClassic: dialect == Dialect.classic));
      }
    } else {
      var rest = frame is Uint8List ? frame : Uint8List.fromList(frame as List<int>);
      while (rest.isNotEmpty) {
        final (start, end) = _extent(rest);
        final bytes = Uint8List.sublistView(rest, start, end);
        attempt(() => _fromBytes(bytes));
        rest = Uint8List.sublistView(rest, end);
      }
    }
    return null;
  });
  return incoming;
}

Incoming _fromBytes(Uint8List bytes) {
  final Envelope(:headers, :body, :seq) = Envelope.descriptor.fromBinary(bytes);
  return Incoming._(
    headers?.messageType ?? '',
    headers?.uuid ?? '',
    seq,
    headers?.result,
    <T extends Object>(type) => type.fromBinary(body),
  );
}

Incoming _fromJson(Object? envelope, {required bool isClassic}) {
  if (envelope is! Map<String, Object?>) throw const FormatException('an envelope is no object');
  final headers = Headers.descriptor.fromJson(envelope['headers'], ignoreUnknown: true);
  final body = envelope['body'] ?? const <String, Object?>{};
  final isAck = isClassic && headers.messageType == 'ack';
  final named = isAck && body is Map<String, Object?> ? body['uuid'] : null;
  final seq = envelope['seq'];
  return Incoming._(
    headers.messageType,
    // A classic ack names its request in its body.
    headers.uuid.isEmpty && named is String ? named : headers.uuid,
    seq is int ? seq : int.tryParse('$seq') ?? 0,
    isAck ? RequestResult.descriptor.fromJson(body, ignoreUnknown: true) : headers.result,
    <T extends Object>(type) => type.fromJson(body, ignoreUnknown: true),
  );
}

/// A frame of `psd.v1.proto`: the envelope behind its length as a varint.
Uint8List _withLength(Uint8List envelope) {
  final frame = BytesBuilder(copy: false);
  var rest = envelope.length;
  for (; rest > 127; rest >>= 7) {
    frame.addByte((rest & 127) | 128);
  }
  frame
    ..addByte(rest)
    ..add(envelope);
  return frame.takeBytes();
}

/// Where the first envelope of a frame begins and ends.
(int, int) _extent(Uint8List frame) {
  var length = 0;
  // A fifth byte is none of a length that fits.
  for (var at = 0; at < 4 && at < frame.length; at++) {
    length |= (frame[at] & 127) << (7 * at);
    if (frame[at] > 127) continue;
    final end = at + 1 + length;
    if (end <= frame.length) return (at + 1, end);
    break;
  }
  throw const FormatException('an envelope does not fit its frame');
}
