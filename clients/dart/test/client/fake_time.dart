/// Time that a test turns.
library;

import 'dart:async';
import 'dart:math';

/// Runs code whose timers wait for [pass].
final class FakeTime {
  int _now = DateTime.utc(2026).millisecondsSinceEpoch;
  final List<_FakeTimer> _timers = [];

  /// The time of the test.
  DateTime now() => DateTime.fromMillisecondsSinceEpoch(_now);

  /// The same in milliseconds since 1970.
  int get milliseconds => _now;

  /// Runs a test.
  Future<void> run(Future<void> Function() body) => runZoned(
    body,
    zoneSpecification: ZoneSpecification(
      createTimer: (self, parent, zone, duration, run) => _add(duration, null, (_) => zone.run(run)),
      createPeriodicTimer: (self, parent, zone, duration, run) =>
          _add(duration, duration.inMilliseconds, (timer) => zone.runUnary(run, timer)),
    ),
  );

  Timer _add(Duration wait, int? period, void Function(Timer) run) {
    final timer = _FakeTimer(this, _now + wait.inMilliseconds, period, run);
    _timers.add(timer);
    return timer;
  }

  /// Lets so many milliseconds pass, and everything happen that happens in them.
  Future<void> pass(int milliseconds) async {
    final end = _now + milliseconds;
    for (;;) {
      await settle();
      final due = _timers.where((timer) => timer.at <= end).toList()..sort((one, other) => one.at.compareTo(other.at));
      if (due.isEmpty) break;
      _now = max(_now, due.first.at);
      due.first.fire();
    }
    _now = end;
  }

  /// Lets happen what waits for nothing.
  Future<void> settle() => Zone.root.run(() => Future<void>.delayed(Duration.zero));
}

final class _FakeTimer implements Timer {
  _FakeTimer(this._time, this.at, this._period, this._run);

  final FakeTime _time;
  int at;
  final int? _period;
  final void Function(Timer) _run;

  @override
  int tick = 0;

  @override
  bool get isActive => _time._timers.contains(this);

  void fire() {
    tick++;
    if (_period case final period?) {
      at += max(1, period);
    } else {
      cancel();
    }
    _run(this);
  }

  @override
  void cancel() => _time._timers.remove(this);
}

/// A chance that is always the same.
final class FixedChance implements Random {
  const FixedChance(this._unit);

  final double _unit;

  @override
  double nextDouble() => _unit;

  @override
  bool nextBool() => _unit >= 0.5;

  @override
  int nextInt(int most) => min(most - 1, (most * _unit).floor());
}
