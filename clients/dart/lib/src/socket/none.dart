import 'socket.dart';

/// Fails: there is no WebSocket here.
PsdSocket openSocket(Uri url, List<String> protocols, SocketListener listener) =>
    throw UnsupportedError('there is no WebSocket here: pass one in the option `socket`');

/// Calls nothing: nobody tells of the network.
void Function() watchNetwork(void Function() back, void Function() gone) => () {};
