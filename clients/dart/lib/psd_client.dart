/// A typed, self-healing connection from Flutter, or any other place with Dart, to a psd server.
library;

export 'src/client/abort_signal.dart' show AbortSignal;
export 'src/client/auth.dart' show AuthAnonymous, AuthLoading, AuthOptions, AuthSignedIn, AuthSignedOut, AuthState;
export 'src/client/cache.dart' show Cache, CacheOptions;
export 'src/client/client.dart' show PsdClient;
export 'src/client/client_auth.dart' show ClientAuth;
export 'src/client/connection.dart'
    show
        ConnectionClosed,
        ConnectionConnecting,
        ConnectionDraining,
        ConnectionIdle,
        ConnectionOpen,
        ConnectionWaiting,
        PsdConnectionState;
export 'src/client/delivery.dart' show Delivery;
export 'src/client/dialect.dart' show Dialect;
export 'src/client/exception.dart' show ErrorKind, PsdException;
export 'src/client/keys.dart' show hasKeys, identity;
export 'src/client/live.dart' show FetchState, Live, LiveFetch, LiveMessages;
export 'src/client/options.dart' show ClientOptions;
export 'src/client/outbox.dart'
    show
        DeliveryFailed,
        DeliveryQueued,
        DeliverySending,
        DeliverySent,
        DeliveryStatus,
        Outbox,
        OutboxEntry,
        OutboxOptions;
export 'src/client/received.dart' show Received;
export 'src/client/requests.dart' show forever;
export 'src/client/store.dart' show Store;
export 'src/client/tokens.dart' show TokenStore, Tokens;
export 'src/codec/message.dart' show ClientMessage, MessageType, ServerMessage;
export 'src/codec/registry.dart' show MessageRegistry;
export 'src/socket/socket.dart' show PsdSocket, SocketFactory, SocketListener;
export 'src/storage/memory.dart' show MemoryStorage;
export 'src/storage/storage.dart' show Storage, StoredMessage;
