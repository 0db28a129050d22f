import '../codec/error.dart';
import '../codec/field.dart';
import '../codec/json.dart';
import '../codec/kind.dart';
import '../codec/message.dart';

/// The decimals of a second: none, 3, 6 or 9.
String _decimals(int nanos) {
  final digits = '$nanos'.padLeft(9, '0').replaceFirst(RegExp(r'(?:000){1,3}$'), '');
  return digits.isEmpty ? '' : '.$digits';
}

int _nanosOf(String? digits) => int.parse((digits ?? '').padRight(9, '0'));

/// `google.protobuf.Timestamp`: a point in time, as seconds since 1970 and nanoseconds that count forward. In JSON, text
/// such as `2024-02-29T12:30:45.500Z`.
final class Timestamp extends ProtoMessage implements Comparable<Timestamp> {
  /// So many seconds and nanoseconds since 1970 began.
  const Timestamp({this.seconds = 0, this.nanos = 0});

  /// The timestamp of a date.
  factory Timestamp.fromDateTime(DateTime time) {
    final microseconds = time.microsecondsSinceEpoch;
    final fraction = microseconds % 1000000;
    return Timestamp(seconds: (microseconds - fraction) ~/ 1000000, nanos: fraction * 1000);
  }

  /// Now.
  factory Timestamp.now() => Timestamp.fromDateTime(DateTime.now());

  /// Seconds since 1970 began; before, they are negative.
  final int seconds;

  /// Nanoseconds that count forward, at most 999 999 999.
  final int nanos;

  /// The date in UTC, to the microsecond.
  DateTime toDateTime() => DateTime.fromMicrosecondsSinceEpoch(seconds * 1000000 + nanos ~/ 1000, isUtc: true);

  @override
  int compareTo(Timestamp other) {
    final order = seconds.compareTo(other.seconds);
    return order == 0 ? nanos.compareTo(other.nanos) : order;
  }

  /// The type as data.
  static final MessageType<Timestamp> descriptor = MessageType<Timestamp>(
    'google.protobuf.Timestamp',
    fields: [PlainField('seconds', 1, int64), PlainField('nanos', 2, int32)],
    values: (message) => [message.seconds, message.nanos],
    make: (values) => Timestamp(seconds: values[0]! as int, nanos: values[1]! as int),
    json: const JsonForm(read: _read, write: _write),
  );

  @override
  MessageType<Timestamp> get $descriptor => descriptor;

  static const _first = -62135596800;
  static const _last = 253402300799;
  static final _format = RegExp(
    r'^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$',
  );

  static Object _write(Timestamp message, JsonWriting writing) {
    final Timestamp(:seconds, :nanos) = message;
    if (seconds < _first || seconds > _last || nanos < 0 || nanos > 999999999) {
      fail('a timestamp of $seconds s and $nanos ns is not of the years 1 to 9999');
    }
    final date = DateTime.fromMillisecondsSinceEpoch(seconds * 1000, isUtc: true).toIso8601String();
    return '${date.substring(0, 19)}${_decimals(nanos)}Z';
  }

  static Timestamp _read(Object? json, JsonReading reading) {
    if (json is! String) return expected('a string', json);
    final match = _format.firstMatch(json) ?? expected('a time such as `2024-02-29T12:30:45Z`', json);
    final text = '${match[1]}T${match[2]}';
    final date = DateTime.tryParse('${text}Z');
    // A date that does not exist is moved on.
    if (date == null || date.toIso8601String().substring(0, 19) != text) fail('`$json` is no date');
    final (hours, minutes) = (int.parse(match[5] ?? '0'), int.parse(match[6] ?? '0'));
    final offset = (hours * 60 + minutes) * (match[4] == '-' ? -60 : 60);
    final seconds = date.millisecondsSinceEpoch ~/ 1000 - offset;
    if (seconds < _first || seconds > _last || hours > 23 || minutes > 59) {
      fail('`$json` is not of the years 1 to 9999');
    }
    return Timestamp(seconds: seconds, nanos: _nanosOf(match[3]));
  }
}

/// `google.protobuf.Duration`: a span of time; seconds and nanoseconds have the same sign. In JSON, text such as
/// `1.500s`.
final class ProtoDuration extends ProtoMessage implements Comparable<ProtoDuration> {
  /// So many seconds and nanoseconds.
  const ProtoDuration({this.seconds = 0, this.nanos = 0});

  /// The span of a `Duration`.
  factory ProtoDuration.fromDuration(Duration duration) {
    final microseconds = duration.inMicroseconds;
    return ProtoDuration(seconds: microseconds ~/ 1000000, nanos: microseconds.remainder(1000000) * 1000);
  }

  /// Whole seconds.
  final int seconds;

  /// Nanoseconds, less than a second.
  final int nanos;

  /// The span to the microsecond.
  Duration toDuration() => Duration(seconds: seconds, microseconds: nanos ~/ 1000);

  @override
  int compareTo(ProtoDuration other) {
    final order = seconds.compareTo(other.seconds);
    return order == 0 ? nanos.compareTo(other.nanos) : order;
  }

  /// The type as data.
  static final MessageType<ProtoDuration> descriptor = MessageType<ProtoDuration>(
    'google.protobuf.Duration',
    fields: [PlainField('seconds', 1, int64), PlainField('nanos', 2, int32)],
    values: (message) => [message.seconds, message.nanos],
    make: (values) => ProtoDuration(seconds: values[0]! as int, nanos: values[1]! as int),
    json: const JsonForm(read: _read, write: _write),
  );

  @override
  MessageType<ProtoDuration> get $descriptor => descriptor;

  static const _maxSeconds = 315576000000;
  static final _format = RegExp(r'^(-?)(\d{1,15})(?:\.(\d{1,9}))?s$');

  static Object _write(ProtoDuration message, JsonWriting writing) {
    final ProtoDuration(:seconds, :nanos) = message;
    final isMixed = seconds < 0 && nanos > 0 || seconds > 0 && nanos < 0;
    if (seconds.abs() > _maxSeconds || nanos.abs() > 999999999 || isMixed) {
      fail('a duration of $seconds s and $nanos ns is beyond 10000 years, or has two signs');
    }
    return '${seconds < 0 || nanos < 0 ? '-' : ''}${seconds.abs()}${_decimals(nanos.abs())}s';
  }

  static ProtoDuration _read(Object? json, JsonReading reading) {
    if (json is! String) return expected('a string', json);
    final match = _format.firstMatch(json) ?? expected('a duration such as `1.5s`', json);
    final seconds = int.parse(match[2]!);
    final nanos = _nanosOf(match[3]);
    if (seconds > _maxSeconds) fail('`$json` is beyond 10000 years');
    return match[1]!.isEmpty
        ? ProtoDuration(seconds: seconds, nanos: nanos)
        : ProtoDuration(seconds: -seconds, nanos: -nanos);
  }
}
