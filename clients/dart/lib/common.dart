/// The messages that every contract has: login, acknowledgements, uploads.
library;

export 'src/common/messages.dart';
