// What the vectors do not say: the classes, and what is Dart's own.
import 'dart:convert';
import 'dart:typed_data';

import 'package:psd_client/codec.dart';

import 'harness.dart';
import 'vectors/messages/every.dart';

void main() {
  test('copies change what is said and keep the rest', () {
    const scalars = Presence(aString: 'a', anInt32: 1, aMood: Mood.happy);
    final copy = scalars.copyWith(aString: null, anInt32: 2);
    expect(copy, const Presence(anInt32: 2, aMood: Mood.happy));
    expect(copy.copyWith(), copy);
    expect(const Names(type: 'a').copyWith(self: 'b'), const Names(type: 'a', self: 'b'));
  });

  test('messages are equal if their fields are', () {
    final one = Lists(strings: ['a'], manyBytes: [Uint8List.fromList([1])], doubles: [double.nan]);
    final other = Lists(strings: ['a'], manyBytes: [Uint8List.fromList([1])], doubles: [double.nan]);
    expect(one == other, true);
    expect(one.hashCode, other.hashCode);
    check(one != other.copyWith(strings: ['b']));
    check(const Nothing() != const Vec());
    expect(const Choice(choice: ChoiceChoiceText('a')), const Choice(choice: ChoiceChoiceText('a')));
    check(const Choice(choice: ChoiceChoiceText('a')) != const Choice(choice: ChoiceChoiceNumber(1)));
  });

  test('a message says its fields', () {
    const node = Node(label: 'a', next: Node(children: [Node()]));
    expect('$node', 'Node(next: Node(children: [Node()]), label: a)');
    expect('${const Choice(choice: ChoiceChoiceMood(Mood.glad))}', 'Choice(choice: ChoiceChoiceMood(Mood.happy))');
  });

  test('numbers of an enum that have no name are passed on', () {
    final scalars = Scalars.fromBinary(Uint8List.fromList([128, 1, 7]));
    expect(scalars.aMood, const UnknownMood(7));
    expect(scalars.toBinary(), [128, 1, 7]);
    expect(scalars.toJson(), {'aMood': 7});
    final said = switch (scalars.aMood) {
      Mood.moodNone || Mood.happy || Mood.soSo || Mood.sad => 'known',
      UnknownMood(:final number) => '$number',
    };
    expect(said, '7');
    expect(Mood.descriptor.named('GLAD'), Mood.glad);
  });

  test('oneofs are told apart by patterns', () {
    String say(ChoiceChoice? choice) => switch (choice) {
      ChoiceChoiceText(:final value) => value,
      ChoiceChoiceNumber(:final value) => '$value',
      null => 'nothing',
      _ => 'something else',
    };
    expect(say(const ChoiceChoiceText('a')), 'a');
    expect(say(Choice.fromJson({'number': '3'}).choice), '3');
    expect(say(Choice().choice), 'nothing');
  });

  test('unsigned integers beyond 63 bits have the same bits', () {
    final scalars = Scalars.fromJson({'aUint64': '18446744073709551615', 'aFixed64': '9223372036854775808'});
    expect(scalars.aUint64, -1);
    expect(scalars.aFixed64, 1 << 63);
    expect(scalars.toJson(), {'aUint64': '18446744073709551615', 'aFixed64': '9223372036854775808'});
  });

  test('the descriptor says what the .proto file says', () {
    final type = Scalars.descriptor;
    expect([type.name, type.type, type.origin, type.auth], ['every.kind.Scalars', 'scalars', Origin.both, false]);
    expect(type.cache, const Duration(days: 1));
    expect(type.cacheKeys.all, ['a_string', 'an_int64']);
    expect(type.valueOf(Scalars(aString: 'a'), 'a_string'), 'a');
    expect(Choice.descriptor.valueOf(const Choice(choice: ChoiceChoiceText('a')), 'text'), 'a');
    expect(Choice.descriptor.valueOf(const Choice(choice: ChoiceChoiceText('a')), 'number'), null);
    check(const Names() is! ClientMessage);
    check(Scalars() is ClientMessage && Scalars() is ServerMessage);
  });

  test('an error names the place', () async {
    Future<void> says(Object? json, String text) async {
      final error = await throwsA<CodecException>(() => Lists.fromJson(json));
      expect('$error', text);
    }

    await says({'int32s': [1, 'x']}, 'int32s[1]: expected int32, found "x"');
    await says({'messages': [{'aMessage': {'aBool': 1}}]}, 'messages[0].aMessage.aBool: expected bool, found 1');
    await says([], 'expected an object, found an array');
    await says({'nope': 1}, 'nope: unknown field `nope`');
    final error = await throwsA<CodecException>(() => Maps.fromJson({'byInt32': {'a b': ''}}));
    expect('$error', 'byInt32["a b"]: expected int32, found "a b"');
  });

  test('what is read is a copy', () {
    final frame = Uint8List.fromList([122, 1, 7]);
    final scalars = Scalars.fromBinary(frame);
    frame[2] = 8;
    expect(scalars.someBytes, [7]);
    expect(Scalars.fromBinary(Uint8List.sublistView(Uint8List.fromList([0, 122, 1, 9]), 1)).someBytes, [9]);
  });

  test('base64 of both alphabets, padded or not', () async {
    for (final (text, bytes) in [
      ('-_', [251]),
      ('+/8=', [251, 255]),
      ('-_8', [251, 255]),
      ('AAEC', [0, 1, 2]),
      ('AA==', [0]),
      ('', <int>[]),
    ]) {
      expect(Scalars.fromJson({'someBytes': text}).someBytes, bytes, text);
    }
    for (final text in ['A', 'AAAAA', 'AA=', 'A===', '%3D', 'AA AA', 'AAA==', '=']) {
      await throwsA<CodecException>(() => Scalars.fromJson({'someBytes': text}), 'expected bytes');
    }
  });

  test('text keeps its byte order mark', () {
    final bytes = Scalars(aString: '\ufeffa').toBinary();
    expect(Scalars.fromBinary(bytes).aString, '\ufeffa');
    final twice = Scalars(aString: '\ufeff\ufeff').toBinary();
    expect(Scalars.fromBinary(twice).aString, '\ufeff\ufeff');
  });

  test('varints of every length', () {
    for (var shift = 0; shift < 64; shift++) {
      for (final value in [1 << shift, (1 << shift) - 1, -(1 << shift)]) {
        final scalars = Scalars(anInt64: value, aSint64: value, aUint64: value, anSfixed64: value);
        expect(Scalars.fromBinary(scalars.toBinary()), scalars, value);
        expect(Scalars.descriptor.fromJsonText(jsonEncode(scalars)), scalars, value);
      }
    }
  });

  test('timestamps and durations are those of Dart', () {
    final time = DateTime.utc(1969, 12, 31, 23, 59, 59, 999, 999);
    expect(Timestamp.fromDateTime(time), const Timestamp(seconds: -1, nanos: 999999000));
    expect(Timestamp.fromDateTime(time).toDateTime(), time);
    const duration = Duration(seconds: -1, microseconds: -5);
    expect(ProtoDuration.fromDuration(duration), const ProtoDuration(seconds: -1, nanos: -5000));
    expect(ProtoDuration.fromDuration(duration).toDuration(), duration);
  });

  test('a message in an Any', () {
    final any = Any.pack(const Names(type: 'a'));
    expect(any.unpack(Names.descriptor), const Names(type: 'a'));
    expect(any.unpack(Node.descriptor), null);
  });
}
