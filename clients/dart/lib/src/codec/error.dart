import 'dart:convert';

/// Bytes, JSON or a value that does not fit its message.
final class CodecException implements Exception {
  /// What is wrong at [path].
  const CodecException(this.problem, [this.path = '']);

  /// What is wrong: `expected int32, found "x"`.
  final String problem;

  /// Where: `items[3].price`; empty for the message as a whole.
  final String path;

  @override
  String toString() => path.isEmpty ? problem : '$path: $problem';
}

/// Fails with this problem at the place that is being read or written.
Never fail(String problem) => throw CodecException(problem);

/// Fails because something else is there than what should be.
Never expected(String what, Object? value) => fail('expected $what, found ${_found(value)}');

String _found(Object? value) => switch (value) {
  String() => jsonEncode(value.length > 50 ? value.substring(0, 50) : value),
  List() => 'an array',
  Map() => 'an object',
  _ => '$value',
};

final _name = RegExp(r'^\w+$');
final _startsWithName = RegExp(r'^\w');

/// The error with a place that it passed on its way out: the name of a field, an index, the key of a map.
CodecException within(CodecException error, Object step) {
  final name = step is String && _name.hasMatch(step) ? step : '[${jsonEncode(step)}]';
  final dot = _startsWithName.hasMatch(error.path) ? '.' : '';
  return CodecException(error.problem, '$name$dot${error.path}');
}

/// Messages in messages, at most; what the server allows as well.
const maxDepth = 100;

/// Fails for messages that are nested too deeply.
Never failTooDeep() => fail('nested deeper than $maxDepth levels');
