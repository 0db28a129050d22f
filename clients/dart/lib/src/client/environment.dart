import 'dart:async';
import 'dart:math';

/// What the client takes from its surroundings.
final class Environment {
  /// The surroundings of tests have their own clock and chance.
  Environment({DateTime Function()? clock, Random? random})
    : _clock = clock ?? DateTime.now,
      _random = random ?? Random();

  final DateTime Function() _clock;
  final Random _random;

  /// Milliseconds since 1970.
  int now() => _clock().millisecondsSinceEpoch;

  /// A random number from 0 to 1.
  double unit() => _random.nextDouble();
}

/// Milliseconds that a timer can take everywhere; in browsers, longer ones would fire at once.
const _longest = 0x7fffffff;

/// Runs something after so many milliseconds, unless the returned function is called before.
void Function() timer(int milliseconds, void Function() run) {
  late Timer current;
  void wait(int rest) {
    final part = max(0, min(rest, _longest));
    current = Timer(Duration(milliseconds: part), () => rest > part ? wait(rest - part) : run());
  }

  wait(milliseconds);
  return () => current.cancel();
}

final _secure = Random.secure();

/// A random UUID (version 4).
String randomUuid() {
  final digits = StringBuffer();
  for (var index = 0; index < 16; index++) {
    var byte = _secure.nextInt(256);
    if (index == 6) byte = (byte & 0x0f) | 0x40;
    if (index == 8) byte = (byte & 0x3f) | 0x80;
    if (const {4, 6, 8, 10}.contains(index)) digits.write('-');
    digits.write(byte.toRadixString(16).padLeft(2, '0'));
  }
  return '$digits';
}
