import 'dart:async';
import 'dart:convert';

/// What proves who somebody is.
final class Tokens {
  /// These tokens.
  const Tokens(this.token, {this.refresh});

  /// The access token, which requests carry.
  final String token;

  /// The refresh token, by which the next access token is got.
  final String? refresh;

  @override
  bool operator ==(Object other) => other is Tokens && other.token == token && other.refresh == refresh;

  @override
  int get hashCode => Object.hash(token, refresh);
}

/// Where tokens are kept between starts of the application.
abstract interface class TokenStore {
  /// What was saved last.
  FutureOr<Tokens?> load();

  /// Keeps these tokens; nothing forgets those that are there.
  FutureOr<void> save(Tokens? tokens);
}

/// The claims of a JWT; none if the token is not one. Nothing is verified: that is the server's part.
Map<String, Object?> claimsOf(String token) {
  final parts = token.split('.');
  if (parts.length != 3) return const {};
  try {
    final claims = jsonDecode(utf8.decode(base64Url.decode(base64Url.normalize(parts[1]))));
    return claims is Map<String, Object?> ? claims : const {};
  } on FormatException {
    return const {};
  }
}
