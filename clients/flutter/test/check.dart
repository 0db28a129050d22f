// Compiled, not run, by `cargo xtask test --only dart`: against the stand-in for Flutter in stubs/. It imports both, as
// applications do, so that no name of ours is one of Flutter's.
import 'package:flutter/widgets.dart';
import 'package:psd_client/common.dart';
import 'package:psd_client/upload.dart';
import 'package:psd_flutter/psd_flutter.dart';

Widget application(PsdClient client, Stream<bool> isOnline) =>
    PsdProvider(client: client, isOnline: isOnline, child: const Screen());

final class Screen extends StatelessWidget {
  const Screen({super.key});

  @override
  Widget build(BuildContext context) {
    final client = context.psd;
    return StoreBuilder(
      store: client.connection,
      builder:
          (context, state) => switch (state) {
            ConnectionOpen() => MessagesBuilder(
              type: AsyncProgress.descriptor,
              where: (progress) => progress.key == 'a',
              fromCache: true,
              builder: (context, messages) => Text('${messages.lastOrNull?.progress}'),
            ),
            ConnectionWaiting(:final until) => Text('again at $until'),
            ConnectionIdle() || ConnectionConnecting() || ConnectionDraining() => FetchBuilder(
              message: const RefreshToken(),
              reply: LoginToken.descriptor,
              builder: (context, state, refetch) => Text(state.data?.token ?? '${state.error}'),
            ),
            ConnectionClosed(:final reason) => StreamBuilder<List<OutboxEntry>>(
              initialData: client.outbox.value,
              stream: client.outbox.changes,
              builder: (context, snapshot) => Text('$reason: ${snapshot.data?.length} wait'),
            ),
          },
    );
  }
}

Widget progress(Uploads uploads) => StoreBuilder(
  store: uploads,
  builder: (context, entries) {
    final UploadEntry(:name, :sent, :total, :status) = entries.last;
    return Text(switch (status) {
      UploadStored(:final file) => file.url,
      UploadStopped(:final error) || UploadWaiting(reason: final error) => '$error',
      UploadQueued() || UploadRunning() || UploadPaused() || UploadNeedsFile() => '$name: $sent of $total',
    });
  },
);

void main() {}
