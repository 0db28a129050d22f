/// Uploads that survive bad networks, restarts of the application and of the server, by tus 1.0.0 or over the client's
/// connection.
library;

export 'src/common/sfiles.dart' show UploadedFile;
export 'src/upload/http.dart' show UploadHttp, UploadRequest, UploadResponse;
export 'src/upload/source.dart' show BytesSource, StreamSource, UploadSource;
export 'src/upload/types.dart'
    show
        Upload,
        UploadEntry,
        UploadNeedsFile,
        UploadPaused,
        UploadQueued,
        UploadRunning,
        UploadState,
        UploadStopped,
        UploadStored,
        UploadWaiting,
        UploadWay,
        UploadsOptions;
export 'src/upload/uploads.dart' show Uploads;
