import 'dart:collection';

import 'error.dart';
import 'int64.dart';

/// The value that a text of JSON says.
///
/// Keeps integers that an `int` does not hold, as a `BigInt`, where `jsonDecode` rounds them; and an object with a key
/// that is there twice is a [RepetitiveObject].
Object? parseJson(String text) {
  final parser = _Parser(text);
  final value = parser.value(0);
  parser.end();
  return value;
}

/// An object of JSON in which keys are there more than once. Like others, it holds the last value of each.
final class RepetitiveObject extends MapView<String, Object?> {
  /// The object, without the repetitions, and the keys.
  RepetitiveObject(super.map, this.repeated);

  /// The keys that are there more than once.
  final Set<String> repeated;
}

final class _Parser {
  _Parser(this.text);

  final String text;
  var at = 0;

  static final _number = RegExp(r'-?(?:0|[1-9][0-9]*)((?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)');
  static final _goesOn = RegExp('[0-9.eE+-]');
  static final _plain = RegExp(r'[^"\\\u0000-\u001f]*');

  int get unit => at < text.length ? text.codeUnitAt(at) : -1;

  Never refuse() =>
      at < text.length ? fail('expected JSON, found `${text[at]}` at offset $at') : fail('the JSON ends too early');

  void space() {
    while (at < text.length) {
      final unit = text.codeUnitAt(at);
      if (unit != 0x20 && unit != 0x0a && unit != 0x0d && unit != 0x09) return;
      at++;
    }
  }

  void end() {
    space();
    if (at < text.length) refuse();
  }

  Object? value(int depth) {
    space();
    switch (unit) {
      case 0x7b:
        return object(depth + 1);
      case 0x5b:
        return array(depth + 1);
      case 0x22:
        return string();
      case 0x74:
        return word('true', true);
      case 0x66:
        return word('false', false);
      case 0x6e:
        return word('null', null);
      default:
        return number();
    }
  }

  T word<T>(String word, T value) {
    if (!text.startsWith(word, at)) refuse();
    at += word.length;
    return value;
  }

  Object number() {
    final match = _number.matchAsPrefix(text, at) ?? refuse();
    at = match.end;
    // `01`, `1.` and `1e` begin like numbers.
    if (_goesOn.matchAsPrefix(text, at) != null) refuse();
    final digits = match[0]!;
    if (match[1]!.isNotEmpty) return double.parse(digits);
    if (digits == '-0') return -0.0;
    // JavaScript would round what has more digits.
    return (isJavaScript && digits.length > 15 ? null : int.tryParse(digits)) ?? BigInt.parse(digits);
  }

  String string() {
    at++;
    StringBuffer? buffer;
    while (true) {
      final start = at;
      at = _plain.matchAsPrefix(text, at)!.end;
      final piece = text.substring(start, at);
      if (unit == 0x22) {
        at++;
        return buffer == null ? piece : (buffer..write(piece)).toString();
      }
      if (unit != 0x5c) refuse();
      (buffer ??= StringBuffer()).write(piece);
      at++;
      buffer.writeCharCode(escaped());
    }
  }

  int escaped() {
    final escape = unit;
    at++;
    switch (escape) {
      case 0x22 || 0x5c || 0x2f:
        return escape;
      case 0x62:
        return 0x08;
      case 0x66:
        return 0x0c;
      case 0x6e:
        return 0x0a;
      case 0x72:
        return 0x0d;
      case 0x74:
        return 0x09;
      case 0x75:
        final digits = at + 4 <= text.length ? text.substring(at, at + 4) : '';
        if (!_hex.hasMatch(digits)) refuse();
        at += 4;
        return int.parse(digits, radix: 16);
      default:
        at--;
        refuse();
    }
  }

  static final _hex = RegExp(r'^[0-9a-fA-F]{4}$');

  List<Object?> array(int depth) {
    open(depth);
    final list = <Object?>[];
    if (closes(0x5d)) return list;
    while (true) {
      try {
        list.add(value(depth));
      } on CodecException catch (error) {
        throw within(error, list.length);
      }
      if (closes(0x5d)) return list;
      comma();
    }
  }

  Map<String, Object?> object(int depth) {
    open(depth);
    final map = <String, Object?>{};
    Set<String>? repeated;
    if (closes(0x7d)) return map;
    while (true) {
      space();
      if (unit != 0x22) refuse();
      final key = string();
      try {
        if (map.containsKey(key)) (repeated ??= {}).add(key);
        space();
        if (unit != 0x3a) refuse();
        at++;
        map[key] = value(depth);
      } on CodecException catch (error) {
        throw within(error, key);
      }
      if (closes(0x7d)) return repeated == null ? map : RepetitiveObject(map, repeated);
      comma();
    }
  }

  void open(int depth) {
    // Far beyond what messages allow, whose errors name the field; this keeps the stack from running out.
    if (depth > 1000) failTooDeep();
    at++;
  }

  bool closes(int bracket) {
    space();
    if (unit != bracket) return false;
    at++;
    return true;
  }

  void comma() {
    if (unit != 0x2c) refuse();
    at++;
  }
}
