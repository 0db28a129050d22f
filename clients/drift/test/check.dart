// Compiled, not run, by `cargo xtask test --only dart`: against the stand-in for drift in stubs/.
import 'package:drift/drift.dart';
import 'package:psd_client/psd_client.dart';
import 'package:psd_drift/psd_drift.dart';

PsdClient client(GeneratedDatabase database) =>
    PsdClient(Uri.parse('wss://example.org/ws'), ClientOptions(storage: DriftStorage(database)));

void main() {}
