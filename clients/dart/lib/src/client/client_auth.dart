import '../codec/message.dart';
import '../common/authentication.dart';
import 'auth.dart';
import 'exception.dart';
import 'store.dart';
import 'tokens.dart';

/// Who is signed in, and how that changes.
abstract interface class ClientAuth implements Store<AuthState> {
  /// The present access token.
  String? get token;

  /// Completes once the token store has answered.
  Future<void> get ready;

  /// Logs in by `login`; fails with `refused`, the server's reason as its message, and its `LoginError` as its cause.
  Future<void> login(String username, String password);

  /// Ends the session: forgets tokens, cache and outbox of the user, and begins another connection.
  Future<void> logout();

  /// Takes tokens that were got elsewhere. Nothing forgets them, but nothing else.
  Future<void> setTokens(Tokens? tokens);

  /// Gets new tokens now; callers at the same time share one request.
  Future<void> refresh();
}

/// What logging in and out needs of the client.
final class SessionEvents {
  /// All of it.
  const SessionEvents({required this.ask, required this.isOpen, required this.forget, required this.warn});

  /// Sends a message without a token, and completes with the first of these replies.
  final Future<Object?> Function(ClientMessage message, List<MessageType<Object>> replies, {Duration? timeout}) ask;

  /// Whether there is a connection.
  final bool Function() isOpen;

  /// Forgets what is kept of the user.
  final Future<void> Function() forget;

  /// Told of what goes wrong without a caller to tell.
  final void Function(Object error) warn;
}

/// The tokens of a client, and its session on the server.
final class SessionAuth implements ClientAuth {
  /// Over these tokens.
  SessionAuth(this._auth, this._events);

  final Auth _auth;
  final SessionEvents _events;

  @override
  AuthState get value => _auth.state.value;

  @override
  Stream<AuthState> get changes => _auth.state.changes;

  @override
  String? get token => _auth.token;

  @override
  Future<void> get ready => _auth.ready;

  @override
  Future<void> refresh() => _auth.refresh();

  @override
  Future<void> setTokens(Tokens? tokens) => _auth.set(tokens);

  @override
  Future<void> login(String username, String password) async {
    final reply = await _events.ask(Login(username: username, password: password), [
      LoginToken.descriptor,
      LoginError.descriptor,
    ]);
    switch (reply) {
      case LoginToken(:final token, :final refresh):
        await _auth.set(Tokens(token, refresh: refresh), isKnown: true);
      case final LoginError error:
        final text = error.errorText.isEmpty ? 'the login was refused' : error.errorText;
        throw PsdException(ErrorKind.refused, text, cause: error);
    }
  }

  @override
  Future<void> logout() async {
    // What is in the store first: if nothing else is done, at least a restart does not find the tokens.
    await _auth.save(null);
    if (_auth.token != null && _events.isOpen()) {
      final goodbye = RevokeToken(refreshToken: _auth.refreshToken ?? '');
      try {
        await _events.ask(goodbye, const [], timeout: const Duration(seconds: 5));
      } on PsdException catch (error) {
        // A server that knows no sessions has nothing to end.
        if (error.code != 404) _events.warn(error);
      }
    }
    await _events.forget();
    await _auth.set(null);
  }
}
