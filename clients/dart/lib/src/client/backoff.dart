import 'dart:math';

/// The first retry comes within this time, in milliseconds: most breaks are short, and a user notices nothing.
const _quick = 250;

/// The least wait of a later retry.
const _least = 500;

/// The most that a wait grows to.
const _most = 20000;

/// Milliseconds to wait after so many failures in a row; [unit] is a random number from 0 to 1 ("full jitter").
int delay(int failures, double unit) {
  if (failures == 0) return (_quick * unit).round();
  final most = failures < 16 ? min(_least << failures, _most) : _most;
  return (_least + (most - _least) * unit).round();
}

/// Whether every client of the server was disconnected or turned away at this moment, so that a quick retry would make
/// it worse: going away, restart, try again later, slow consumer, rate.
bool asksToSpread(int code) => const {1001, 1012, 1013, 4413, 4429}.contains(code);

/// Whether a close code forbids to connect again by oneself.
bool isFinal(int code) => code >= 4400 && code <= 4403;
