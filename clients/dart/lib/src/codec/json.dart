import 'error.dart';
import 'registry.dart';

/// The names that fields have in JSON.
enum JsonNames {
  /// Those of proto3 JSON, which v1 speaks.
  proto3,

  /// Those of the classic dialect: an underscore goes only where a lower-case letter follows.
  classic,
}

/// What is known while JSON is read.
final class JsonReading {
  /// Reads with these options.
  JsonReading({this.ignoreUnknown = false, this.types});

  /// For what has no options, such as keys.
  static final strict = JsonReading();

  /// Whether fields and names of enum values that are not known are passed over.
  final bool ignoreUnknown;

  /// Where the message types are found that an `Any` holds.
  final MessageRegistry? types;

  var _depth = 0;

  /// Notes that a message inside is read. Ends with [leave].
  void enter() {
    if (++_depth > maxDepth) failTooDeep();
  }

  /// Notes that the message inside is read.
  void leave() => _depth--;
}

/// What is known while JSON is written.
final class JsonWriting {
  /// Writes with these options.
  JsonWriting({this.names = JsonNames.proto3, this.types});

  /// The names of fields.
  final JsonNames names;

  /// Where the message types are found that an `Any` holds.
  final MessageRegistry? types;

  var _depth = 0;

  /// Notes that a message inside is written. Ends with [leave].
  void enter() {
    if (++_depth > maxDepth) failTooDeep();
  }

  /// Notes that the message inside is written.
  void leave() => _depth--;
}
