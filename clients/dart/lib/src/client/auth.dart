import 'dart:async';
import 'dart:math';

import 'environment.dart';
import 'exception.dart';
import 'store.dart';
import 'tokens.dart';

/// How a client is authenticated.
final class AuthOptions {
  /// Nobody, unless something else is said.
  const AuthOptions({
    this.tokens,
    this.store,
    this.refresh,
    this.refreshBefore = const Duration(seconds: 30),
  });

  /// The tokens to begin with; what the store holds goes before them.
  final Tokens? tokens;

  /// Where tokens are kept; by default nowhere.
  final TokenStore? store;

  /// Gets new tokens, or throws a [PsdException] of the kind `signedOut` if there will be none; any other error is
  /// tried again. By default `refresh-token` is sent, if there is a refresh token.
  final FutureOr<Tokens> Function(Tokens tokens)? refresh;

  /// How long before its end a token is refreshed, but at most a fifth of its life.
  final Duration refreshBefore;
}

/// Who is signed in.
sealed class AuthState {
  const AuthState();
}

/// The token store has not answered yet.
final class AuthLoading extends AuthState {
  /// At the start.
  const AuthLoading();
}

/// Nobody.
final class AuthAnonymous extends AuthState {
  /// Nobody yet, or nobody since somebody logged out.
  const AuthAnonymous();
}

/// Somebody.
final class AuthSignedIn extends AuthState {
  /// This user.
  const AuthSignedIn(this.user, this.claims);

  /// The user's id: `user_id` or `sub` of the token.
  final String user;

  /// The claims of the token, not verified.
  final Map<String, Object?> claims;
}

/// Nobody any more, and not because they wished to.
final class AuthSignedOut extends AuthState {
  /// For this reason.
  const AuthSignedOut(this.reason);

  /// What the server said, or what kept it from being asked.
  final PsdException reason;
}

/// Milliseconds from a refresh that failed, but not for good, to the next.
const _again = 5000;

/// What the tokens need of the client.
final class AuthEvents {
  /// All of it.
  const AuthEvents({required this.refresh, required this.changed, required this.warn});

  /// Asks the server for new tokens; fails with `signedOut` if it refuses.
  final Future<Tokens> Function(String refreshToken) refresh;

  /// The token changed, or a refresh ended. `isKnown`: by a request over the connection, whose server knows the new
  /// token already.
  final void Function({required bool isKnown}) changed;

  /// Told of a token store that fails.
  final void Function(Object error) warn;
}

/// The tokens of a client.
final class Auth {
  /// Begins with what the token store holds.
  Auth(this._options, this._environment, this._events) : _store = _options.store {
    ready = _load();
  }

  final AuthOptions _options;
  final Environment _environment;
  final AuthEvents _events;
  TokenStore? _store;
  Tokens? _tokens;
  Future<void>? _refreshing;
  void Function()? _stopTimer;
  bool _isStopped = false;

  /// When the token should be refreshed, by this machine's clock.
  int? _due;

  /// Who is signed in.
  final Cell<AuthState> state = Cell(const AuthLoading());

  /// Completes when the token store has answered.
  late final Future<void> ready;

  /// Whom messages are kept for; stays when the token is lost, until somebody logs in or out.
  String get user => _user;
  String _user = '';

  /// The present access token.
  String? get token => _tokens?.token;

  /// The present refresh token.
  String? get refreshToken => _tokens?.refresh;

  /// Whether new tokens are on their way.
  bool get isRefreshing => _refreshing != null;

  /// Whether there is a way to new tokens.
  bool get canRefresh => _tokens != null && (_options.refresh != null || _tokens!.refresh != null);

  /// Whether the token has expired or is about to.
  bool get isDue => _due != null && _environment.now() >= _due!;

  Future<void> _load() async {
    Tokens? found;
    try {
      found = await _store?.load();
    } on Object catch (error) {
      _events.warn(error);
    }
    // Somebody may have logged in meanwhile.
    if (state.value is! AuthLoading) return;
    if (found == null && _options.tokens != null) await save(found = _options.tokens);
    if (state.value is AuthLoading) _adopt(found, isNew: false);
  }

  void _adopt(Tokens? next, {bool isNew = true, PsdException? reason}) {
    _tokens = next;
    _stopTimer?.call();
    _due = null;
    if (next == null) {
      if (reason == null) _user = '';
      state.value = reason == null ? const AuthAnonymous() : AuthSignedOut(reason);
      return;
    }
    final claims = claimsOf(next.token);
    _user = '${claims['user_id'] ?? claims['sub'] ?? ''}';
    // A refresh is no news to those who watch, unless it is somebody else.
    if (state.value case AuthSignedIn(:final user) when user == _user) {
    } else {
      state.value = AuthSignedIn(_user, claims);
    }
    final expiry = claims['exp'];
    final issued = claims['iat'];
    if (expiry is! num || !expiry.isFinite || !canRefresh) return;
    final now = _environment.now();
    final life = issued is num && issued.isFinite ? (expiry - issued) * 1000 : null;
    // The clocks may differ: of a token that was made just now, only its life counts.
    final end = isNew && life != null ? now + life : expiry * 1000;
    final before = _options.refreshBefore.inMilliseconds;
    final due = max(end - (life == null ? before : min(before, life / 5)), isNew ? now + 1000 : 0).round();
    _due = due;
    _schedule(due - now);
  }

  void _schedule(int milliseconds) {
    _stopTimer?.call();
    if (!_isStopped) _stopTimer = timer(milliseconds, () => refresh().ignore());
  }

  /// Tells the store.
  Future<void> save(Tokens? tokens) async {
    try {
      await _store?.save(tokens);
    } on Object catch (error) {
      // What it holds now is not what holds.
      _store = null;
      _events.warn(error);
    }
  }

  /// Gets new tokens; whoever calls meanwhile waits for the same ones. Fails if there are none.
  Future<void> refresh() =>
      _refreshing ??= _renew().whenComplete(() {
        _refreshing = null;
        _events.changed(isKnown: false);
      });

  Future<void> _renew() async {
    final old = _tokens;
    try {
      if (old == null || !canRefresh) {
        throw const PsdException(ErrorKind.signedOut, 'the token is no longer valid, and nothing gets another');
      }
      final custom = _options.refresh;
      final got = custom == null ? await _events.refresh(old.refresh!) : await custom(old);
      // Whoever logged in or out meanwhile goes first.
      if (!identical(_tokens, old)) return;
      final renewed = Tokens(got.token, refresh: _present(got.refresh) ?? old.refresh);
      _adopt(renewed);
      await save(renewed);
      if (custom == null) _events.changed(isKnown: true);
    } on Object catch (error) {
      if (identical(_tokens, old)) {
        if (error case PsdException(kind: ErrorKind.signedOut)) {
          _adopt(null, reason: error);
          await save(null);
        } else {
          _schedule(_again);
        }
      }
      rethrow;
    }
  }

  /// Takes tokens that were got otherwise. `isKnown`: by a request over the connection.
  Future<void> set(Tokens? next, {bool isKnown = false}) async {
    final tokens = next == null ? null : Tokens(next.token, refresh: _present(next.refresh));
    _adopt(tokens);
    _events.changed(isKnown: isKnown);
    await save(tokens);
  }

  /// Refreshes by itself again.
  void start() {
    if (!_isStopped) return;
    _isStopped = false;
    if (_due case final due?) _schedule(due - _environment.now());
  }

  /// Refreshes no more by itself.
  void stop() {
    _isStopped = true;
    _stopTimer?.call();
  }
}

String? _present(String? text) => text == null || text.isEmpty ? null : text;
