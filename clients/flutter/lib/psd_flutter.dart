/// Gives a client of `psd_client` to the widgets of a Flutter application, and shows what it knows.
library;

export 'package:psd_client/psd_client.dart';

export 'src/builders.dart' show FetchBuilder, MessagesBuilder, StoreBuilder;
export 'src/provider.dart' show PsdContext, PsdProvider;
