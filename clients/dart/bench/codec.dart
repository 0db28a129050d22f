// The codec beside code without a table, which is what it would be if every message were printed out. From the root of the
// repository, after `cargo xtask test --only dart`:
//
//     dart --packages=target/dart/package_config.json clients/dart/bench/codec.dart
import 'dart:convert';

import 'package:psd_client/codec.dart' as psd;
import 'package:psd_client/src/codec/reader.dart';
import 'package:psd_client/src/codec/writer.dart';

final class Tag extends psd.ProtoMessage {
  const Tag({this.name = '', this.count = 0});

  final String name;
  final int count;

  static final psd.MessageType<Tag> descriptor = psd.MessageType(
    'bench.Tag',
    fields: [psd.PlainField('name', 1, psd.string), psd.PlainField('count', 2, psd.int32)],
    values: (message) => [message.name, message.count],
    make: (values) => Tag(name: values[0] as String, count: values[1] as int),
  );

  @override
  psd.MessageType<Tag> get $descriptor => descriptor;

  static Tag read(Reader reader) {
    var name = '';
    var count = 0;
    while (!reader.isAtEnd) {
      switch (reader.varint32()) {
        case 10:
          name = reader.string();
        case 16:
          count = reader.int32();
        case final tag:
          reader.skip(tag);
      }
    }
    return Tag(name: name, count: count);
  }

  void write(Writer writer) {
    if (count != 0) {
      writer
        ..int32(count)
        ..varint32(16);
    }
    if (name.isNotEmpty) {
      writer
        ..string(name)
        ..varint32(10);
    }
  }
}

final class Post extends psd.ProtoMessage {
  const Post({
    this.room = '',
    this.author = '',
    this.text = '',
    this.at = 0,
    this.tags = const [],
    this.likes = 0,
    this.seen = false,
    this.score = 0,
  });

  final String room;
  final String author;
  final String text;
  final int at;
  final List<Tag> tags;
  final int likes;
  final bool seen;
  final double score;

  static final psd.MessageType<Post> descriptor = psd.MessageType(
    'bench.Post',
    fields: [
      psd.PlainField('room', 1, psd.string),
      psd.PlainField('author', 2, psd.string),
      psd.PlainField('text', 3, psd.string),
      psd.PlainField('at', 4, psd.int64),
      psd.ListField('tags', 5, psd.message(() => Tag.descriptor)),
      psd.PlainField('likes', 6, psd.int32),
      psd.PlainField('seen', 7, psd.boolean),
      psd.PlainField('score', 8, psd.float64),
    ],
    values: _values,
    make: _make,
  );

  static List<Object?> _values(Post message) => [
    message.room,
    message.author,
    message.text,
    message.at,
    message.tags,
    message.likes,
    message.seen,
    message.score,
  ];

  static Post _make(List<Object?> values) => Post(
    room: values[0] as String,
    author: values[1] as String,
    text: values[2] as String,
    at: values[3] as int,
    tags: values[4] as List<Tag>,
    likes: values[5] as int,
    seen: values[6] as bool,
    score: values[7] as double,
  );

  @override
  psd.MessageType<Post> get $descriptor => descriptor;

  static Post read(Reader reader) {
    var (room, author, text) = ('', '', '');
    var (at, likes, seen, score) = (0, 0, false, 0.0);
    final tags = <Tag>[];
    while (!reader.isAtEnd) {
      switch (reader.varint32()) {
        case 10:
          room = reader.string();
        case 18:
          author = reader.string();
        case 26:
          text = reader.string();
        case 32:
          at = reader.int64();
        case 42:
          final outer = reader.begin();
          reader.enter();
          tags.add(Tag.read(reader));
          reader
            ..leave()
            ..end = outer;
        case 48:
          likes = reader.int32();
        case 56:
          seen = reader.boolean();
        case 65:
          score = reader.float64();
        case final tag:
          reader.skip(tag);
      }
    }
    return Post(
      room: room,
      author: author,
      text: text,
      at: at,
      tags: tags,
      likes: likes,
      seen: seen,
      score: score,
    );
  }

  void write(Writer writer) {
    if (score != 0) {
      writer
        ..float64(score)
        ..varint32(65);
    }
    if (seen) {
      writer
        ..boolean(seen)
        ..varint32(56);
    }
    if (likes != 0) {
      writer
        ..int32(likes)
        ..varint32(48);
    }
    for (final tag in tags.reversed) {
      final before = writer.length;
      writer.enter();
      tag.write(writer);
      writer
        ..leave()
        ..varint32(writer.length - before)
        ..varint32(42);
    }
    if (at != 0) {
      writer
        ..int64(at)
        ..varint32(32);
    }
    if (text.isNotEmpty) {
      writer
        ..string(text)
        ..varint32(26);
    }
    if (author.isNotEmpty) {
      writer
        ..string(author)
        ..varint32(18);
    }
    if (room.isNotEmpty) {
      writer
        ..string(room)
        ..varint32(10);
    }
  }
}

const times = 500;

/// The best of many rounds, in nanoseconds: rounds so short that most are not interrupted on a busy machine.
int measure(void Function() work) {
  int round() {
    final stopwatch = Stopwatch()..start();
    for (var index = 0; index < times; index++) {
      work();
    }
    return stopwatch.elapsedMicroseconds * 1000 ~/ times;
  }

  return [for (var index = 0; index < 400; index++) round()].reduce((one, other) => one < other ? one : other);
}

void main() {
  final post = Post(
    room: 'lobby',
    author: 'someone',
    text: 'a text of some length that is usual in a chat',
    at: 1795842823612,
    tags: [for (var index = 0; index < 5; index++) Tag(name: 'tag$index', count: index * 100)],
    likes: 3,
    seen: true,
    score: 0.5,
  );
  final type = Post.descriptor;
  final bytes = type.toBinary(post);
  final straight = Writer();
  post.write(straight);
  if ('${straight.take()}' != '$bytes' || Post.read(Reader(bytes)) != post) throw StateError('not the same work');
  final json = type.toJson(post);
  final text = jsonEncode(json);

  final works = {
    'binary, read: table': () => type.fromBinary(bytes),
    'binary, read: straight': () => Post.read(Reader(bytes)),
    'binary, write: table': () => type.toBinary(post),
    'binary, write: straight': () {
      final writer = Writer();
      post.write(writer);
      return writer.take();
    },
    'JSON, read': () => type.fromJson(json),
    'JSON, read: with jsonDecode': () => type.fromJson(jsonDecode(text)),
    'JSON, read: text': () => type.fromJsonText(text),
    'JSON, write': () => type.toJson(post),
    'JSON, write: with jsonEncode': () => jsonEncode(post),
  };
  print('${bytes.length} bytes, ${text.length} characters');
  // Twice: what is compiled for one kind of call only is compiled again when others come.
  for (var round = 0; round < 2; round++) {
    works.forEach((name, work) => print('${name.padRight(30)} ${measure(work)} ns'));
  }
}
