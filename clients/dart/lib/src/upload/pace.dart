import 'dart:math';

/// Bytes under way: at first, at least and at most.
const _first = 128 << 10, _least = 32 << 10, _most = 1 << 20;

/// The smallest chunk that servers do not count as a message.
const _chunk = 16 << 10;

/// Milliseconds for which bytes may wait: for less, more may be under way; for longer, less.
const _short = 100, _long = 300;

/// How much of all files may be under way on a connection: what keeps it busy, and lets no message wait for long.
final class Pace {
  int _window = _first;

  /// Milliseconds that the line itself takes.
  int? _line;

  /// What was sent before is no measure of the present window.
  int _since = 0;

  /// Whether so many bytes may go, beside those that are under way.
  bool hasRoom(int underWay, int bytes) => underWay == 0 || underWay + bytes <= _window;

  /// Bytes of the next chunk, of so many at most.
  int chunk(int most) => min(most, max(_chunk, _window >> 1));

  /// So many bytes that were sent at [start] have come [now] (milliseconds, of any clock that goes on).
  void came(int bytes, int start, int now) {
    final took = now - start;
    // With so little under way, nothing waits for anything of ours.
    final line = _line = _window == _least ? took : min(_line ?? took, took);
    if (start < _since) return;
    if (took < line + _short) {
      _window = min(_most, _window + bytes);
    } else if (took > line + _long) {
      _window = max(_least, _window >> 1);
      _since = now;
    }
  }
}
