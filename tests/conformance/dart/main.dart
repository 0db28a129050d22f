// Answers the requests of the official conformance runner, as src/main.rs does in Rust: each message is decoded from one
// format and encoded to another.
import 'dart:io';
import 'dart:typed_data';

import 'package:psd_client/codec.dart';

import 'messages/messages.dart';

ConformanceResponseResult answer(ConformanceRequest request) {
  // Asked first: which failures are expected. The runner takes them from a file.
  if (request.messageType == FailureSet.descriptor.name) {
    return ConformanceResponseResultProtobufPayload(const FailureSet().toBinary());
  }
  final type = TestAllTypesProto3.descriptor;
  if (request.messageType != type.name) {
    return ConformanceResponseResultSkipped('`${request.messageType}` is not proto3');
  }
  final ignoreUnknown = request.testCategory == TestCategory.jsonIgnoreUnknownParsingTest;
  final TestAllTypesProto3 message;
  try {
    switch (request.payload) {
      case ConformanceRequestPayloadProtobufPayload(:final value):
        message = type.fromBinary(value);
      case ConformanceRequestPayloadJsonPayload(:final value):
        message = type.fromJsonText(value, ignoreUnknown: ignoreUnknown, types: registry);
      default:
        return const ConformanceResponseResultSkipped('only binary and JSON are read');
    }
  } on CodecException catch (error) {
    return ConformanceResponseResultParseError('$error');
  }
  try {
    return switch (request.requestedOutputFormat) {
      WireFormat.protobuf => ConformanceResponseResultProtobufPayload(message.toBinary()),
      WireFormat.json => ConformanceResponseResultJsonPayload(type.toJsonText(message, types: registry)),
      _ => const ConformanceResponseResultSkipped('only binary and JSON are written'),
    };
  } on CodecException catch (error) {
    return ConformanceResponseResultSerializeError('$error');
  }
}

/// So many bytes of standard input; nothing at its end.
Uint8List? read(int size) {
  final bytes = Uint8List(size);
  for (var at = 0; at < size; at++) {
    final byte = stdin.readByteSync();
    if (byte < 0) return null;
    bytes[at] = byte;
  }
  return bytes;
}

Future<void> main() async {
  for (var length = read(4); length != null; length = read(4)) {
    final request = read(ByteData.sublistView(length).getUint32(0, Endian.little));
    if (request == null) break;
    final response = ConformanceResponse(result: answer(ConformanceRequest.fromBinary(request))).toBinary();
    stdout
      ..add((ByteData(4)..setUint32(0, response.length, Endian.little)).buffer.asUint8List())
      ..add(response);
    await stdout.flush();
  }
}
