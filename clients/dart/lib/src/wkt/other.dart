import '../codec/error.dart';
import '../codec/field.dart';
import '../codec/json.dart';
import '../codec/kind.dart';
import '../codec/message.dart';

/// `google.protobuf.Empty`: nothing.
final class Empty extends ProtoMessage {
  /// Nothing.
  const Empty();

  /// The type as data.
  static final MessageType<Empty> descriptor = MessageType<Empty>(
    'google.protobuf.Empty',
    fields: const [],
    values: (message) => const [],
    make: (values) => const Empty(),
  );

  @override
  MessageType<Empty> get $descriptor => descriptor;
}

/// `google.protobuf.FieldMask`: names of fields. In JSON, text such as `fooBar,baz.qux`.
final class FieldMask extends ProtoMessage {
  /// These fields.
  const FieldMask({this.paths = const []});

  /// The fields by their names in the .proto file, with dots between.
  final List<String> paths;

  /// The type as data.
  static final MessageType<FieldMask> descriptor = MessageType<FieldMask>(
    'google.protobuf.FieldMask',
    fields: [ListField('paths', 1, string)],
    values: (message) => [message.paths],
    make: (values) => FieldMask(paths: values[0]! as List<String>),
    json: const JsonForm(read: _read, write: _write),
  );

  @override
  MessageType<FieldMask> get $descriptor => descriptor;

  static final _raised = RegExp('_([a-z])');
  static final _capital = RegExp('[A-Z]');

  static Object _write(FieldMask mask, JsonWriting writing) => mask.paths.map(_toJson).join(',');

  static String _toJson(String path) {
    final json = path.replaceAllMapped(_raised, (match) => match[1]!.toUpperCase());
    return !json.contains('_') && _fromJson(json) == path ? json : fail('the path `$path` cannot be said in JSON');
  }

  static String _fromJson(String path) => path.replaceAllMapped(_capital, (match) => '_${match[0]!.toLowerCase()}');

  static FieldMask _read(Object? json, JsonReading reading) {
    if (json is! String) return expected('a string', json);
    if (json.contains('_')) fail('a path in JSON has no underscores');
    return FieldMask(paths: json.isEmpty ? const [] : json.split(',').map(_fromJson).toList());
  }
}
