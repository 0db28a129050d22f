import 'dart:math';

/// Bytes under way: at first, at least and at most.
const _first = 64 << 10, _least = 32 << 10, _most = 1 << 20;

/// The smallest chunk that servers do not count as a message.
const _chunk = 16 << 10;

/// Milliseconds for which bytes may wait for the line, so that it is never idle.
const _wait = 300;

/// What is left of the best rate with each chunk that comes.
const _fade = 0.5;

/// When a chunk was sent, how many bytes had come by then, and whether as little as possible was under way with it.
typedef Mark = ({int start, int before, bool isAlone});

/// How much of all files may be under way on a connection: what keeps it busy, and lets no message wait for long.
final class Pace {
  int _window = _first;
  int _sum = 0;

  /// Bytes that come in a millisecond; if the line is not full, no more than were under way.
  double _rate = 0;

  /// Milliseconds that the way takes by itself.
  int? _way;

  /// Whether so many bytes may go, beside those that are under way.
  bool hasRoom(int underWay, int bytes) => underWay == 0 || underWay + bytes <= _window;

  /// Bytes of the next chunk, of so many at most.
  int chunk(int most) => min(most, max(_chunk, _window >> 1));

  /// A chunk goes now (milliseconds, of any clock that goes on).
  Mark mark(int now) => (start: now, before: _sum, isAlone: _window == _least);

  /// A chunk has come now.
  void came(int bytes, Mark mark, int now) {
    final took = max(1, now - mark.start);
    _sum += bytes;
    _rate = max((_sum - mark.before) / took, _rate * _fade);
    // It may have become longer: that is seen where nothing of ours waits for anything.
    final way = _way = mark.isAlone ? took : min(_way ?? took, took);
    _window = min(_most, max(_least, (_rate * (way + _wait)).floor()));
  }
}
